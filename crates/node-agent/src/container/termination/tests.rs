use super::*;

#[test]
fn a_message_is_empty_for_each_attempt_and_its_end_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let container = Container::default();
    let log = dir.path().join("log");
    let termination = Termination::prepare(dir.path(), &container).unwrap();
    assert_eq!(termination.message(1, &log), None);
    fs::write(
        dir.path().join("dev/termination-log"),
        "x".repeat(5000) + "end",
    )
    .unwrap();
    let message = termination.message(0, &log).unwrap();
    assert_eq!(message.len(), 4096);
    assert!(message.ends_with("xend"));
    assert_eq!(
        Termination::prepare(dir.path(), &container)
            .unwrap()
            .message(1, &log),
        None
    );
}

#[test]
fn only_a_failed_container_that_asks_for_it_falls_back_to_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(
        &log,
        "2026-01-01T00:00:00Z stdout F one two\n2026-01-01T00:00:00Z stderr F three\n",
    )
    .unwrap();
    let mut container = Container::default();
    let told = |container: &Container, code| {
        Termination::prepare(dir.path(), container)
            .unwrap()
            .message(code, &log)
    };
    assert_eq!(told(&container, 1), None);
    container.termination_message_policy = Some("FallbackToLogsOnError".to_owned());
    assert_eq!(told(&container, 0), None);
    assert_eq!(told(&container, 1).as_deref(), Some("one two\nthree"));
    container.termination_message_path = Some("/../outside".to_owned());
    assert!(Termination::prepare(dir.path(), &container).is_err());
}
