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
    let command = broker(environment, &config()).unwrap().tied();
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
    assert_eq!(all[..4], ["run-broker", "--parent", own.as_str(), "--"]);
    let properties = "/var/run/klamm/server.properties";
    assert_eq!(all[all.len() - 2..], ["kafka.Kafka", properties]);
}

#[test]
fn metrics_that_are_asked_for_and_cannot_be_had_are_an_error() {
    let dir = runtime();
    let plugins = dir.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let plugins = plugins.display().to_string();
    let asked = RunnerConfig {
        metrics: MetricsConfig::JmxExporter {
            port: 9404,
            config_file: "/opt/kafka/custom-config/metrics-config.json".to_owned(),
        },
        ..config()
    };
    let command = |more: &[(&str, &str)]| {
        let mut environment = environment(dir.path(), &[("KLAMM_PLUGINS", &plugins)]);
        environment.uses_pod_ip = !more.is_empty();
        broker(&environment, &asked)
    };
    let missing = command(&[]).unwrap_err().to_string();
    assert!(
        missing.contains(&plugins) && missing.contains("jmxPrometheusExporter"),
        "{missing}"
    );
    let jar = dir.path().join("plugins/jmx_prometheus_javaagent-1.jar");
    std::fs::write(&jar, "").unwrap();
    for (more, host) in [(&[][..], ""), (&[("", "")][..], "127.1.2.3:")] {
        let wanted = format!(
            "-javaagent:{}={host}9404:/opt/kafka/custom-config/metrics-config.json",
            jar.display()
        );
        let command = command(more).unwrap();
        assert!(command.arguments.contains(&wanted), "{command:?}");
    }
}
