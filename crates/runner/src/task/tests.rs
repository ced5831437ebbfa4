use super::*;

/// A shell in place of the other side.
async fn done_by(script: &str) -> Result<Option<Vec<u32>>, RunnerError> {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let config = crate::volume::testing::config();
    run_in(command, &Task::Look, &config, |_| {}).await
}

#[tokio::test]
async fn what_it_does_is_told_before_what_came_of_it() {
    let mut command = Command::new("sh");
    let script = "read handed; case $handed in *clusterId*) ;; *) exit 3;; esac; \
                  echo '{\"doing\":\"formatting\"}'; echo '{\"doing\":\"starting\"}'; echo '{\"done\":[1,2]}'";
    command.args(["-c", script]);
    let config = crate::volume::testing::config();
    let mut told = Vec::new();
    let outcome = run_in::<Vec<u32>>(command, &Task::Prepare, &config, |doing| told.push(doing));
    assert_eq!(outcome.await.unwrap(), Some(vec![1, 2]));
    assert_eq!(told, [Doing::Formatting, Doing::Starting]);
}

#[tokio::test]
async fn one_that_failed_said_why_and_one_that_was_killed_did_not() {
    assert_eq!(done_by("exit 1").await.unwrap(), None);
    let killed = done_by("kill -9 $$").await.unwrap_err();
    assert_eq!(
        crate::chain(&killed),
        "cannot do look in a process of its own: it ended with signal: 9 (SIGKILL)"
    );
    let silent = done_by("exit 0").await.unwrap_err();
    assert!(crate::chain(&silent).contains("exit status: 0"), "{silent}");
    let other = done_by("echo '{\"gone\":1}'").await.unwrap_err();
    assert!(
        crate::chain(&other).contains("unknown variant"),
        "{other:?}"
    );
}

#[tokio::test]
async fn what_it_answered_before_it_was_killed_does_not_count() {
    assert!(done_by("echo '{\"done\":[1]}'; kill -9 $$").await.is_err());
}

#[test]
fn a_task_is_one_word_of_a_command_line() {
    let rack = Some("a b".to_owned());
    for (task, text) in [
        (Task::Prepare, "\"prepare\""),
        (Task::Look, "\"look\""),
        (Task::Refresh { rack }, "{\"refresh\":{\"rack\":\"a b\"}}"),
    ] {
        assert_eq!(serde_json::to_string(&task).unwrap(), text);
        assert_eq!(serde_json::from_str::<Task>(text).unwrap(), task);
    }
}
