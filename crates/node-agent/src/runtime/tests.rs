use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_java_version_is_read_from_what_java_says_of_itself() {
    assert_eq!(
        java::parse_major("openjdk version \"17.0.15\" 2025-04-15"),
        Some(17)
    );
    assert_eq!(java::parse_major("java version \"1.8.0_392\""), Some(8));
    assert_eq!(
        java::parse_major("openjdk version \"25-ea\" 2025-09-16"),
        Some(25)
    );
    assert_eq!(java::parse_major("command not found"), None);
}

#[test]
fn every_release_lists_its_own_core_jar_and_the_tools() {
    for release in releases() {
        let list = checksums::parse(release.checksums);
        for jar in ["kafka_2.13", "kafka-tools", "kafka-shell", "kafka-clients"] {
            let name = format!("{jar}-{}.jar", release.version);
            let digest = list.get(name.as_str());
            assert!(
                digest.is_some_and(|digest| digest.len() == 64),
                "{name} in {}",
                release.version
            );
        }
        assert!(
            release
                .pom
                .contains(&format!("<version>{}</version>", release.version))
        );
    }
}

#[test]
fn an_unknown_version_is_refused_with_the_list_of_known_ones() {
    let error = catalog::find("4.9.0")
        .map(|release| release.version)
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Kafka 4.9.0 is not known here"), "{text}");
    assert!(
        text.contains("4.3.1") && text.contains("--kafka-home"),
        "{text}"
    );
}

#[test]
fn a_directory_without_the_core_jar_is_not_a_release() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        catalog::version_of(dir.path())
            .unwrap_err()
            .to_string()
            .contains("libs/")
    );
    std::fs::create_dir(dir.path().join("libs")).unwrap();
    assert!(
        catalog::version_of(dir.path())
            .unwrap_err()
            .to_string()
            .contains("no kafka_2.13")
    );
    std::fs::write(dir.path().join("libs/kafka_2.13-4.2.0.jar"), "").unwrap();
    assert_eq!(catalog::version_of(dir.path()).unwrap(), "4.2.0");
}

#[test]
fn a_jar_that_is_changed_missing_or_not_listed_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let libs = dir.path().join("libs");
    std::fs::create_dir(&libs).unwrap();
    std::fs::write(libs.join("a.jar"), "abc").unwrap();
    let list = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.jar\n";
    checksums::verify("kafka-x", &libs, list).unwrap();
    checksums::verify("kafka-x", &libs, list).unwrap();

    std::fs::write(libs.join("a.jar"), "abd").unwrap();
    let changed = checksums::verify("kafka-x", &libs, list)
        .unwrap_err()
        .to_string();
    assert!(
        changed.contains("a.jar of kafka-x") && changed.contains("expected SHA-256 ba78"),
        "{changed}"
    );

    std::fs::write(libs.join("a.jar"), "abc").unwrap();
    std::fs::write(libs.join("b.jar"), "").unwrap();
    let stranger = checksums::verify("kafka-x", &libs, list)
        .unwrap_err()
        .to_string();
    assert!(
        stranger.contains("b.jar") && stranger.contains("not in the list"),
        "{stranger}"
    );

    std::fs::remove_file(libs.join("a.jar")).unwrap();
    assert!(
        checksums::verify("kafka-x", &libs, list)
            .unwrap_err()
            .to_string()
            .contains("a.jar")
    );
}

#[test]
fn the_tools_are_found_by_each_of_their_names_and_by_release() {
    for name in ["topics", "kafka-topics", "kafka-topics.sh"] {
        assert_eq!(Tool::by_name(name).map(|tool| tool.name), Some("topics"));
    }
    assert!(Tool::by_name("topic").is_none());
    let dump = Tool::by_name("dump-log").unwrap();
    assert_eq!(dump.class_in("4.2.1"), Some("kafka.tools.DumpLogSegments"));
    assert_eq!(
        dump.class_in("4.3.0"),
        Some("org.apache.kafka.tools.DumpLogSegments")
    );
    let shell = Tool::by_name("zookeeper-shell.sh").unwrap();
    assert!(shell.class_in("3.9.2").is_some());
    assert_eq!(shell.class_in("4.1.0"), None);
    let groups = Tool::by_name("share-groups").unwrap();
    assert_eq!(groups.class_in("3.9.2"), None);
    assert!(groups.class_in("4.1.0").is_some());
}

#[test]
fn launchers_are_executable_and_name_their_class() {
    let dir = tempfile::tempdir().unwrap();
    tools::write_launchers(dir.path(), "4.3.1").unwrap();
    let path = dir.path().join("bin/kafka-topics.sh");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("org.apache.kafka.tools.TopicCommand \"$@\""),
        "{text}"
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn in_a_pod_localhost_is_the_pod_and_every_other_name_stays() {
    let dir = tempfile::tempdir().unwrap();
    tools::write_launchers(dir.path(), "4.3.1").unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("tmp")).unwrap();
    let java = dir.path().join("java");
    std::fs::write(&java, "#!/bin/sh\nfor each; do echo \"$each\"; done\n").unwrap();
    std::fs::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).unwrap();
    let hosts = dir.path().join("hosts");
    // What the JVM is told the names are.
    let names = |text: &str| {
        std::fs::write(&hosts, text).unwrap();
        let output = std::process::Command::new(dir.path().join("bin/kafka-topics.sh"))
            .arg("--list")
            .env("KLAMM_JAVA", &java)
            .env("KLAMM_HOSTS_FILE", &hosts)
            .env("KLAMM_ROOT", &root)
            .env("POD_IP", "127.9.8.7")
            .output()
            .unwrap();
        assert!(output.status.success());
        let told = String::from_utf8(output.stdout).unwrap();
        let mut options = told.lines();
        let file = options.find_map(|option| option.strip_prefix("-Djdk.net.hosts.file="));
        std::fs::read_to_string(file.unwrap()).unwrap()
    };
    assert_eq!(
        names("127.0.0.1 localhost mybox # us\n::1 localhost\n127.9.8.7 my-localhost.x\n"),
        "127.9.8.7 localhost\n127.0.0.1 mybox\n127.9.8.7 my-localhost.x\n"
    );
    assert_eq!(names("127.0.0.1 localhost\n"), "127.9.8.7 localhost\n");
    let left: Vec<_> = std::fs::read_dir(root.join("tmp")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn an_image_names_its_kafka_version_in_its_tag() {
    assert_eq!(
        provider::version_of("apache/kafka:4.3.1").as_deref(),
        Some("4.3.1")
    );
    assert_eq!(
        provider::version_of("quay.io/strimzi/kafka:1.2.0-kafka-4.2.1").as_deref(),
        Some("4.2.1")
    );
    assert_eq!(provider::version_of("apache/kafka:latest"), None);
    assert_eq!(provider::version_of("apache/kafka"), None);
}

#[test]
fn a_release_with_zookeeper_has_its_launchers_and_its_own_logging() {
    let dir = tempfile::tempdir().unwrap();
    tools::write_launchers(dir.path(), "3.9.2").unwrap();
    let bin = dir.path().join("bin");
    let shell = std::fs::read_to_string(bin.join("zookeeper-shell.sh")).unwrap();
    assert!(
        shell.contains("ZooKeeperMainWithTlsSupportForKafka -server \"$@\""),
        "{shell}"
    );
    assert!(
        shell.contains("-Dlog4j.configuration=file:\"$home/bin/log4j.properties\""),
        "{shell}"
    );
    assert!(!bin.join("kafka-share-groups.sh").exists());
    assert_eq!(
        tools::logging_option(dir.path(), "3.9.2"),
        Some(format!(
            "-Dlog4j.configuration=file:{}",
            bin.join("log4j.properties").display()
        ))
    );
}
