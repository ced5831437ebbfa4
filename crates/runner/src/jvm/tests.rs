use std::collections::BTreeMap;

use super::*;
use crate::volume::testing::config;

fn environment(dir: &Path, more: &[(&str, &str)]) -> Environment {
    let mut all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-p-0"),
        ("POD_IP", "127.1.2.3"),
        ("KLAMM_JAVA", "/usr/bin/java"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.insert("KLAMM_KAFKA_HOME".to_owned(), dir.display().to_string());
    all.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Environment::parse(all).unwrap()
}

fn runtime() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("libs")).unwrap();
    for jar in ["b.jar", "a.jar", "notes.txt"] {
        std::fs::write(dir.path().join("libs").join(jar), "").unwrap();
    }
    dir
}

fn arguments(environment: &Environment) -> Vec<String> {
    let command = broker_command(environment, &config(), Path::new("/p"), Path::new("/l")).unwrap();
    command
        .as_std()
        .get_args()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn the_class_path_is_the_jars_in_order() {
    let dir = runtime();
    let all = arguments(&environment(dir.path(), &[]));
    let class_path = &all[all.iter().position(|arg| arg == "-cp").unwrap() + 1];
    let libs = dir.path().join("libs");
    assert_eq!(
        *class_path,
        format!(
            "{}:{}",
            libs.join("a.jar").display(),
            libs.join("b.jar").display()
        )
    );
}

#[test]
fn fast_start_is_only_where_it_is_asked_for() {
    let dir = runtime();
    let production = arguments(&environment(dir.path(), &[]));
    assert!(
        production.contains(&"-XX:+UseG1GC".to_owned()),
        "{production:?}"
    );
    assert!(
        !production.iter().any(|arg| arg.starts_with("-Xmx")),
        "{production:?}"
    );
    let fast = arguments(&environment(dir.path(), &[("KLAMM_FAST_START", "1")]));
    assert!(
        fast.contains(&"-XX:TieredStopAtLevel=1".to_owned()),
        "{fast:?}"
    );
    assert!(fast.contains(&"-Xmx268435456".to_owned()), "{fast:?}");
}

#[test]
fn the_jvm_is_tied_to_this_process() {
    let dir = runtime();
    let all = arguments(&environment(dir.path(), &[]));
    let own = std::process::id().to_string();
    assert_eq!(all[..4], ["run-broker", "--exec-jvm", own.as_str(), "--"]);
    assert_eq!(all[all.len() - 2..], ["kafka.Kafka", "/p"]);
}
