use expect_test::{Expect, expect};

use super::*;

fn access(tls: bool, authentication: Option<&str>) -> Access {
    Access {
        listener: "main".to_owned(),
        bootstrap_servers: "127.9.128.1:9093".to_owned(),
        tls,
        authentication: authentication.map(str::to_owned),
        certificates: vec!["CERTIFICATE".to_owned()],
    }
}

fn programs() -> Programs {
    Programs {
        klamm: "klamm".to_owned(),
        version_option: String::new(),
        own_kafka: false,
        config_option: "--command-config",
        has_kcat: true,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "goldens are written in place"
)]
fn check(access: &Access, golden: Expect) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let lines = access.lines(dir.path(), "demo", &programs()).unwrap();
    let mut text = format!("-- printed\n{lines}");
    let mut files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let content = std::fs::read_to_string(&file).unwrap();
        let _ = writeln!(text, "-- {name}\n{}", content.trim_end());
    }
    golden.assert_eq(&text.replace(&dir.path().display().to_string(), "DIR"));
    dir
}

#[test]
fn a_plain_listener_needs_no_files() {
    check(
        &access(false, None),
        expect![[r#"
            -- printed
                kcat       kcat -b 127.9.128.1:9093 -L
                produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --topic hello
        "#]],
    );
}

#[test]
fn a_tls_listener_needs_the_authority() {
    check(
        &access(true, None),
        expect![[r#"
            -- printed
                kcat       kcat -X security.protocol=SSL -X ssl.ca.location=DIR/main-ca.crt -b 127.9.128.1:9093 -L
                produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --command-config DIR/main-client.properties --topic hello
            -- main-ca.crt
            CERTIFICATE
            -- main-client.properties
            security.protocol=SSL
            ssl.truststore.type=PEM
            ssl.truststore.location=DIR/main-ca.crt
        "#]],
    );
}

#[test]
fn a_listener_with_passwords_names_what_is_to_be_filled_in() {
    check(
        &access(true, Some("scram-sha-512")),
        expect![[r#"
            -- printed
                fill in    REPLACE in the files below: name and password of a user
                kcat       kcat -F DIR/main-kcat.conf -b 127.9.128.1:9093 -L
                produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --command-config DIR/main-client.properties --topic hello
            -- main-ca.crt
            CERTIFICATE
            -- main-client.properties
            security.protocol=SASL_SSL
            ssl.truststore.type=PEM
            ssl.truststore.location=DIR/main-ca.crt
            sasl.mechanism=SCRAM-SHA-512
            sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="REPLACE" password="REPLACE";
            -- main-kcat.conf
            security.protocol=SASL_SSL
            ssl.ca.location=DIR/main-ca.crt
            sasl.mechanism=SCRAM-SHA-512
            sasl.username=REPLACE
            sasl.password=REPLACE
        "#]],
    );
    check(
        &access(false, Some("scram-sha-512")),
        expect![[r#"
            -- printed
                fill in    REPLACE in the files below: name and password of a user
                kcat       kcat -F DIR/main-kcat.conf -b 127.9.128.1:9093 -L
                produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --command-config DIR/main-client.properties --topic hello
            -- main-client.properties
            security.protocol=SASL_PLAINTEXT
            sasl.mechanism=SCRAM-SHA-512
            sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="REPLACE" password="REPLACE";
            -- main-kcat.conf
            security.protocol=SASL_PLAINTEXT
            sasl.mechanism=SCRAM-SHA-512
            sasl.username=REPLACE
            sasl.password=REPLACE
        "#]],
    );
}

#[test]
fn a_listener_with_client_certificates_names_what_is_to_be_filled_in() {
    check(
        &access(true, Some("tls")),
        expect![[r#"
            -- printed
                fill in    REPLACE in the files below: a user's certificate and key, signed by the clients CA (Secret demo-clients-ca)
                kcat       kcat -F DIR/main-kcat.conf -b 127.9.128.1:9093 -L
                produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --command-config DIR/main-client.properties --topic hello
            -- main-ca.crt
            CERTIFICATE
            -- main-client.properties
            security.protocol=SSL
            ssl.truststore.type=PEM
            ssl.truststore.location=DIR/main-ca.crt
            ssl.keystore.type=PEM
            ssl.keystore.location=REPLACE/user.pem
            -- main-kcat.conf
            security.protocol=SSL
            ssl.ca.location=DIR/main-ca.crt
            ssl.certificate.location=REPLACE/user.crt
            ssl.key.location=REPLACE/user.key
        "#]],
    );
}

#[test]
fn a_custom_listener_is_left_to_whoever_configured_it() {
    check(
        &access(true, Some("custom")),
        expect![[r#"
            -- printed
                clients authenticate as spec.kafka.listeners says under "main"
                CA         DIR/main-ca.crt
            -- main-ca.crt
            CERTIFICATE
        "#]],
    );
}

#[test]
fn what_was_filled_in_is_kept_until_the_listener_asks_for_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("main-kcat.conf");
    let scram = access(false, Some("scram-sha-512"));
    scram.lines(dir.path(), "demo", &programs()).unwrap();
    let mine = std::fs::read_to_string(&file)
        .unwrap()
        .replace(TO_FILL_IN, "alice");
    std::fs::write(&file, &mine).unwrap();
    scram.lines(dir.path(), "demo", &programs()).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mine);
    let tls = access(true, Some("tls"));
    tls.lines(dir.path(), "demo", &programs()).unwrap();
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("ssl.key.location")
    );
}

#[test]
fn a_shell_reads_a_quoted_path_as_it_is() {
    for path in ["/home/me/it's here/klamm", "/plain/path", "/with space"] {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted(Path::new(path)))])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
    }
}

#[test]
fn what_users_fill_in_and_add_is_kept_and_so_is_an_authority_that_is_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut scram = access(true, Some("scram-sha-512"));
    let files = scram.write_files(dir.path()).unwrap();
    let (ca, client) = (files.ca.unwrap(), files.client.unwrap());
    let filled_in = std::fs::read_to_string(&client)
        .unwrap()
        .replace("REPLACE", "alice")
        + "# of mine\nacks=all\n";
    std::fs::write(&client, &filled_in).unwrap();
    scram.certificates = Vec::new();
    scram.write_files(dir.path()).unwrap();
    assert_eq!(std::fs::read_to_string(&client).unwrap(), filled_in);
    assert_eq!(std::fs::read_to_string(&ca).unwrap(), "CERTIFICATE");

    // One of another kind of listener is no longer of use.
    scram.authentication = Some("tls".to_owned());
    scram.certificates = vec!["ANOTHER".to_owned()];
    scram.write_files(dir.path()).unwrap();
    assert!(
        std::fs::read_to_string(&client)
            .unwrap()
            .contains("REPLACE/user.pem")
    );
    assert_eq!(std::fs::read_to_string(&ca).unwrap(), "ANOTHER");
}

#[test]
fn the_tools_are_of_the_release_that_runs() {
    let line = |release: Option<&str>, own_kafka: bool| {
        let programs = Programs {
            own_kafka,
            ..programs()
        };
        let dir = tempfile::tempdir().unwrap();
        let access = access(true, None);
        let lines = access.lines(dir.path(), "demo", &programs.of_release(release));
        let lines = lines.unwrap();
        let line = lines.lines().find(|line| line.contains("produce")).unwrap();
        line.replace(&dir.path().display().to_string(), "DIR")
    };
    let newest = "    produce    klamm kafka console-producer --bootstrap-server 127.9.128.1:9093 --command-config DIR/main-client.properties --topic hello";
    assert_eq!(line(Some("4.3.1"), false), newest);
    assert_eq!(line(None, false), newest);
    assert_eq!(line(Some("3.9.2"), true), newest);
    assert_eq!(
        line(Some("3.9.2"), false),
        "    produce    klamm kafka --version 3.9.2 console-producer --bootstrap-server 127.9.128.1:9093 --producer.config DIR/main-client.properties --topic hello"
    );
}
