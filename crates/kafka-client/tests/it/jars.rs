//! Kafka's jars: from `KLAMM_KAFKA_HOME`, else fetched once by Maven.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const KAFKA_VERSION: &str = "4.3.1";

/// The class path of Kafka, as `java -cp` wants it.
pub(crate) fn class_path() -> &'static str {
    static CLASS_PATH: OnceLock<String> = OnceLock::new();
    CLASS_PATH.get_or_init(|| {
        let libs = match std::env::var_os("KLAMM_KAFKA_HOME") {
            Some(home) => Path::new(&home).join("libs"),
            None => fetched(),
        };
        let entries =
            fs::read_dir(&libs).unwrap_or_else(|error| panic!("{}: {error}", libs.display()));
        let mut jars: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "jar"))
            .collect();
        jars.sort();
        assert!(!jars.is_empty(), "{} holds no jars", libs.display());
        let jars: Vec<String> = jars.iter().map(|jar| jar.display().to_string()).collect();
        jars.join(":")
    })
}

/// Fetches into the target directory; a file lock lets two test runs share one download.
fn fetched() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-{KAFKA_VERSION}"));
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let (libs, whole) = (cache.join("libs"), cache.join("whole"));
    if whole.is_file() {
        return libs;
    }
    let _ = fs::remove_dir_all(&libs);
    let pom = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pom.xml");
    let status = Command::new("mvn")
        .args(["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", "-f"])
        .arg(&pom)
        .arg(format!("-DoutputDirectory={}", libs.display()))
        .stdin(Stdio::null())
        .status()
        .expect(
            "Maven fetches Kafka for these tests: install it with a JDK 17 or newer (`apt-get install maven \
             default-jdk-headless`), or set KLAMM_KAFKA_HOME to an unpacked Kafka",
        );
    assert!(
        status.success(),
        "mvn could not fetch Kafka {KAFKA_VERSION}"
    );
    fs::write(whole, "").unwrap();
    libs
}
