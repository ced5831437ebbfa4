use super::*;

fn properties(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn wrong(dialect: Dialect, text: &str) -> Vec<String> {
    let properties = properties(text);
    let wrong = dialect.wrong_levels(&properties);
    wrong.map(|(key, _)| key.to_owned()).collect()
}

#[test]
fn only_what_log4j2_would_take_for_a_level_and_cannot_be_one_is_wrong() {
    let text = "
        rootLogger.level=LOUD
        rootLogger.appenderRef.console.level=quiet
        rootLogger.appenderRef.console.ref=STDOUT
        logger.a.level=debug
        logger.b.level=${sys:level:-INFO}
        logger.c.level=NOTICE
        logger.d=LOUD, STDOUT
        logger.e=WARN, STDOUT
        logger.f.name=LOUD
        logger.g.level=INFO, STDOUT
        logger.h.level=
        customLevel.NOTICE=350
        appender.x.name=LOUD
        property.level=LOUD";
    assert_eq!(
        wrong(Dialect::Log4j2, text),
        [
            "logger.d",
            "logger.g.level",
            "rootLogger.appenderRef.console.level",
            "rootLogger.level"
        ]
    );
}

#[test]
fn only_what_reload4j_would_take_for_a_level_and_cannot_be_one_is_wrong() {
    let text = "
        kafka.root.logger.level=LOUD
        log4j.rootLogger=${kafka.root.logger.level}, CONSOLE
        log4j.logger.kafka=LOUD
        log4j.logger.a=WARN, CONSOLE
        log4j.logger.b=, CONSOLE
        log4j.logger.c=inherited
        log4j.logger.d=MINE#com.example.Level
        log4j.logger.e=INFOO, CONSOLE
        log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender";
    assert_eq!(
        wrong(Dialect::Reload4j, text),
        [
            "kafka.root.logger.level",
            "log4j.logger.e",
            "log4j.logger.kafka"
        ]
    );
}

#[test]
fn keys_of_log4j_1_say_nothing_to_log4j2_unless_a_value_refers_to_them() {
    let properties = properties(
        "
        kafka.root.logger.level=INFO
        kafka.logger.x=LOUD
        mine.level=WARN
        rootLogger.level=${mine.level}
        log4j.logger.kafka=INFO",
    );
    let unknown: Vec<_> = Dialect::Log4j2.unknown_keys(&properties).collect();
    assert_eq!(
        unknown,
        [
            "kafka.logger.x",
            "kafka.root.logger.level",
            "log4j.logger.kafka"
        ]
    );
    assert_eq!(Dialect::Reload4j.unknown_keys(&properties).count(), 0);
}
