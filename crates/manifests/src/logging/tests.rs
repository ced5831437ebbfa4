use std::collections::BTreeMap;

use expect_test::{Expect, expect, expect_file};
use model::desired::{ConfigMapKey, Logging, LoggingDialect};

use super::{parse, render};

fn inline(loggers: &[(&str, &str)]) -> Logging {
    Logging::Inline {
        loggers: loggers
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

fn external(text: &str) -> String {
    render(
        &Logging::External(ConfigMapKey {
            name: "logging".to_owned(),
            key: "log4j2.properties".to_owned(),
        }),
        Some(text),
    )
}

/// What the file says about one of our loggers, and about the lists, if there are any.
fn check(text: &str, logger: &str, expected: &Expect) {
    let properties = parse(text);
    let own = properties
        .iter()
        .find(|(key, value)| key.strip_suffix(".name").is_some() && *value == logger)
        .unwrap()
        .0;
    let own = own.strip_suffix(".name").unwrap();
    let shown = properties
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix(own) {
            Some(rest) => Some(format!("{}={value}\n", rest.trim_start_matches('.'))),
            None => ["appenders", "loggers", "monitorInterval"]
                .contains(&key.as_str())
                .then(|| format!("{key}={value}\n")),
        });
    expected.assert_eq(&shown.collect::<String>());
}

#[test]
fn nothing_the_user_says_turns_the_state_log_off() {
    let text = render(
        &inline(&[
            ("rootLogger.level", "OFF"),
            ("logger.kafka.level", "OFF"),
            ("logger.orgapachekafka.level", "OFF"),
            ("logger.mine.name", "kafka.log.LogManager"),
            ("logger.mine.level", "OFF"),
            ("appender.klammstate.fileName", "/dev/null"),
            ("logger.klammstate0.level", "OFF"),
            ("monitorInterval", "5"),
        ]),
        None,
    );
    expect_file!["off.properties"].assert_eq(&text);
}

#[test]
fn levels_of_the_user_become_thresholds() {
    let text = render(&inline(&[("logger.kafka.level", "WARN")]), None);
    check(
        &text,
        "kafka.server.BrokerServer",
        &expect![[r#"
            additivity=false
            appenderRef.state.level=INFO
            appenderRef.state.ref=klammstate
            appenderRef.user0.level=WARN
            appenderRef.user0.ref=STDOUT
            level=INFO
            name=kafka.server.BrokerServer
            monitorInterval=30
        "#]],
    );
    let text = render(&inline(&[("logger.kafka.level", "TRACE")]), None);
    check(
        &text,
        "kafka.server.BrokerServer",
        &expect![[r#"
            additivity=false
            appenderRef.state.level=INFO
            appenderRef.state.ref=klammstate
            appenderRef.user0.level=TRACE
            appenderRef.user0.ref=STDOUT
            level=TRACE
            name=kafka.server.BrokerServer
            monitorInterval=30
        "#]],
    );
}

#[test]
fn a_file_of_the_users_own_is_respected() {
    let text = external(
        "# mine\nappenders = out, \\\n  json\nloggers=server\nappender.out.type : Console\nappender.out.name OUT\n\
         rootLogger = WARN, OUT\nlogger.server.name=kafka.server\nlogger.server.level=DEBUG\n\
         logger.server.appenderRef.j.ref = JSON\nlogger.server.appenderRef.j.level = ERROR\n",
    );
    check(
        &text,
        "kafka.server.KafkaRaftServer",
        &expect![[r#"
            appenders=out, json,klammstate
            additivity=false
            appenderRef.state.level=INFO
            appenderRef.state.ref=klammstate
            appenderRef.user0.level=ERROR
            appenderRef.user0.ref=JSON
            appenderRef.user1.level=DEBUG
            appenderRef.user1.ref=OUT
            level=DEBUG
            name=kafka.server.KafkaRaftServer
            loggers=server,klammstate0,klammstate1,klammstate2,klammstate3,klammstate4,klammstate5,klammstate6,klammstate7,klammstate8
            monitorInterval=30
        "#]],
    );
    check(
        &text,
        "org.apache.kafka.storage.internals.log.LogLoader",
        &expect![[r#"
            appenders=out, json,klammstate
            additivity=false
            appenderRef.state.level=INFO
            appenderRef.state.ref=klammstate
            appenderRef.user0.level=WARN
            appenderRef.user0.ref=OUT
            level=INFO
            name=org.apache.kafka.storage.internals.log.LogLoader
            loggers=server,klammstate0,klammstate1,klammstate2,klammstate3,klammstate4,klammstate5,klammstate6,klammstate7,klammstate8
            monitorInterval=30
        "#]],
    );
}

#[test]
fn java_properties_are_read() {
    let text = "a=1\n  b : 2\nc 3\n! no\n# no\n\nd=x\\\n   y\nf = C:\\\\dir\\\\\ng=\n";
    let read: Vec<_> = parse(text)
        .into_iter()
        .map(|(key, value)| format!("{key} -> {value}"))
        .collect();
    expect![[r#"
        [
            "a -> 1",
            "b -> 2",
            "c -> 3",
            "d -> xy",
            "f -> C:\\\\dir\\\\",
            "g -> ",
        ]
    "#]]
    .assert_debug_eq(&read);
}

#[test]
fn a_missing_file_means_the_defaults() {
    let missing = Logging::External(ConfigMapKey {
        name: "x".to_owned(),
        key: "y".to_owned(),
    });
    assert_eq!(render(&missing, None), render(&Logging::Default, None));
    assert_eq!(
        render(
            &Logging::Inline {
                loggers: BTreeMap::new()
            },
            None
        ),
        render(&Logging::Default, None)
    );
}

#[test]
fn levels_that_are_none_are_found_in_a_file_of_the_users_own() {
    let file =
        "# A comment.\nrootLogger.level = LOUD\nlogger.a.name=a\nlogger.a.level=\\\n  debug\n";
    let properties = parse(file);
    let wrong: Vec<_> = LoggingDialect::Log4j2.wrong_levels(&properties).collect();
    assert_eq!(wrong, [("rootLogger.level", "LOUD")]);
}
