//! Where the programs are: `klamm`, Python with its clients, and the jars of Kafka 3.9 with their ZooKeeper.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

/// The release that still speaks to ZooKeeper.
const KAFKA: &str = "3.9.2";

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The `klamm` that is tested: `KLAMM_PROGRAM`, or the one beside this test program.
pub fn klamm() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("KLAMM_PROGRAM") {
        return Ok(given.into());
    }
    let test = std::env::current_exe()?;
    let found = test
        .ancestors()
        .map(|folder| folder.join("klamm"))
        .find(|program| program.is_file());
    found.context("no klamm beside the tests; run `cargo build -p klamm` first")
}

/// The Python with the tests' clients.
pub fn python() -> Result<PathBuf> {
    let python = repository().join(".cache/venv/bin/python");
    if !python.is_file() {
        bail!(
            "{} is missing; run `scripts/setup.sh test` first",
            python.display()
        );
    }
    Ok(python)
}

/// The jars of Kafka 3.9.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// With `libs/` and `bin/`.
    pub home: PathBuf,
    java: PathBuf,
    archive: Option<PathBuf>,
}

impl Runtime {
    /// Fetched by `klamm runtime prepare` if it is not there; once per test process.
    pub fn find() -> Result<Self> {
        static FOUND: OnceLock<Result<Runtime, String>> = OnceLock::new();
        FOUND
            .get_or_init(|| Self::prepare().map_err(|error| format!("{error:#}")))
            .clone()
            .map_err(anyhow::Error::msg)
    }

    fn prepare() -> Result<Self> {
        let output = Command::new(klamm()?)
            .args(["runtime", "prepare", KAFKA])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (home, java) = text
            .split_once(" is ready in ")
            .and_then(|(_, rest)| rest.split_once(", "))
            .and_then(|(both, _)| both.split_once(" ("))
            .with_context(|| {
                format!(
                    "klamm runtime prepare {KAFKA}: {text}{}",
                    String::from_utf8_lossy(&output.stderr)
                )
            })?;
        let home = PathBuf::from(home);
        let archive = std::fs::read_dir(&home)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|ending| ending == "jsa"));
        Ok(Self {
            home,
            java: java.into(),
            archive,
        })
    }

    /// The class path, in the order that the class-data archive was made with.
    pub fn class_path(&self) -> Result<String> {
        let mut jars: Vec<String> = std::fs::read_dir(self.home.join("libs"))?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "jar"))
            .map(|path| path.display().to_string())
            .collect();
        jars.sort();
        Ok(jars.join(":"))
    }

    /// A JVM with the jars of Kafka 3.9: options, `class`, arguments.
    pub fn java(&self, options: &[&str], class: &str, arguments: &[String]) -> Result<Vec<String>> {
        let archive = self.archive.as_ref().map(|archive| {
            [
                format!("-XX:SharedArchiveFile={}", archive.display()),
                "-Xshare:auto".to_owned(),
            ]
        });
        let mut line = self.java_on(&self.class_path()?, options, class, arguments);
        line.splice(1..1, archive.into_iter().flatten());
        Ok(line)
    }

    /// A JVM with other jars.
    pub fn java_on(
        &self,
        class_path: &str,
        options: &[&str],
        class: &str,
        arguments: &[String],
    ) -> Vec<String> {
        let mut line = vec![
            self.java.display().to_string(),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:TieredStopAtLevel=1".to_owned(),
            "-XX:-UsePerfData".to_owned(),
            "-Djava.net.preferIPv4Stack=true".to_owned(),
        ];
        line.extend(options.iter().map(|option| (*option).to_owned()));
        line.extend(["-cp".to_owned(), class_path.to_owned(), class.to_owned()]);
        line.extend_from_slice(arguments);
        line
    }

    /// One of Kafka's own tools, such as `kafka-topics.sh`; its output. It must succeed.
    pub fn tool(&self, script: &str, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.home.join("bin").join(script))
            .args(arguments)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "{script} {arguments:?}: {}\n{text}{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(text)
    }
}
