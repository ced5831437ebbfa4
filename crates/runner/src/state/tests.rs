use std::io::Write as _;

use super::*;

fn after(lines: &[&str]) -> State {
    let mut state = State::default();
    for line in lines {
        state.observe(line);
    }
    state
}

const STARTING: &str = "INFO [BrokerLifecycleManager id=0] Incarnation I of broker 0 in cluster C is now STARTING. (org.apache.kafka.server.BrokerLifecycleManager)";
const RECOVERY: &str = "INFO [BrokerLifecycleManager id=0] The broker has caught up. Transitioning from STARTING to RECOVERY. (org.apache.kafka.server.BrokerLifecycleManager)";
const RUNNING: &str = "INFO [BrokerLifecycleManager id=0] The broker has been unfenced. Transitioning from RECOVERY to RUNNING. (org.apache.kafka.server.BrokerLifecycleManager)";
const STARTED: &str =
    "INFO [KafkaRaftServer nodeId=0] Kafka Server started (kafka.server.KafkaRaftServer)";

#[test]
fn a_broker_is_ready_once_it_is_unfenced_and_its_listeners_are_open() {
    assert!(!after(&[STARTING, RECOVERY]).is_ready(true));
    assert!(!after(&[STARTING, RECOVERY, RUNNING]).is_ready(true));
    assert!(after(&[STARTING, RECOVERY, RUNNING, STARTED]).is_ready(true));
}

#[test]
fn a_controller_is_ready_once_it_is_up() {
    assert!(!after(&[]).is_ready(false));
    assert!(after(&[STARTED]).is_ready(false));
}

#[test]
fn a_broker_that_shuts_down_is_not_ready() {
    let shutdown = "INFO [BrokerLifecycleManager id=0] Beginning controlled shutdown. (x)";
    let state = after(&[STARTING, RECOVERY, RUNNING, STARTED, shutdown]);
    assert_eq!(state.broker, number::PENDING_CONTROLLED_SHUTDOWN);
    assert!(!state.is_ready(true));
}

#[test]
fn log_recovery_counts_what_is_left_in_every_directory() {
    let unclean = "INFO Recovering 10 logs from /d0 since no clean shutdown file was found (kafka.log.LogManager)";
    let first = "INFO Completed load of Log(dir=/d0/t-0) with 2 segments in 31ms (3/10 completed in /d0) (kafka.log.LogManager)";
    let second = "INFO Completed load of Log(dir=/d1/t-1) with 2 segments in 31ms (1/10 completed in /d1) (kafka.log.LogManager)";
    let state = after(&[unclean, first, second]);
    assert_eq!(state.recovery().unwrap().remaining_logs_to_recover, 16);
    assert_eq!(state.recovery_percent(), Some(20));
    assert_eq!(
        after(&[first]).recovery(),
        None,
        "loading after a clean shutdown is not recovery"
    );
}

#[test]
fn the_follower_reads_appended_lines_once_and_starts_over_when_the_file_is_rolled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.log");
    let mut follower = Follower::new(&path);
    let mut state = State::default();
    follower.read(&mut state).unwrap();
    assert_eq!(state, State::default());

    let mut file = File::create(&path).unwrap();
    write!(file, "{STARTING}\n{}", RECOVERY.split_at(30).0).unwrap();
    follower.read(&mut state).unwrap();
    assert_eq!(state.broker, number::STARTING);
    writeln!(file, "{}", RECOVERY.split_at(30).1).unwrap();
    follower.read(&mut state).unwrap();
    assert_eq!(state.broker, number::RECOVERY);

    std::fs::write(&path, format!("{RUNNING}\n")).unwrap();
    follower.read(&mut state).unwrap();
    assert_eq!(state.broker, number::RUNNING);
}

#[test]
fn the_last_words_are_the_last_error_and_its_innermost_causes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.log");
    assert_eq!(last_words(&path), None);
    std::fs::write(
        &path,
        "1 INFO kafka.server.BrokerServer all is well\n2 ERROR kafka.server.BrokerServer [BrokerServer id=0] Fatal error\n\
         java.lang.RuntimeException: outer\n\tat a.b(C.java:1)\nCaused by: a.First: one\nCaused by: a.Second: two\n\t... 2 more\n\
         Caused by: a.Third: three\n3 INFO kafka.server.BrokerServer shutting down\nCaused by: nothing\n",
    )
    .unwrap();
    assert_eq!(
        last_words(&path).as_deref(),
        Some("[BrokerServer id=0] Fatal error; a.Second: two; a.Third: three")
    );
    std::fs::write(
        &path,
        "1 ERROR k.SharedServer Got exception\njava.io.IOException: No space left on device\n\tat a.b(C.java:1)\n",
    )
    .unwrap();
    assert_eq!(
        last_words(&path).as_deref(),
        Some("Got exception; java.io.IOException: No space left on device")
    );
}

#[test]
fn a_broker_with_zookeeper_is_ready_once_its_server_started() {
    let line =
        |message: &str| format!("1042 INFO kafka.server.KafkaServer [KafkaServer id=0] {message}");
    let told = |messages: &[&str]| {
        let lines: Vec<String> = messages.iter().map(|message| line(message)).collect();
        after(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(!told(&["starting"]).is_ready(true));
    assert!(told(&["starting", "started"]).is_ready(true));
    let leaving = told(&["starting", "started", "Starting controlled shutdown"]);
    assert_eq!(leaving.broker, number::PENDING_CONTROLLED_SHUTDOWN);
    let gone = told(&[
        "starting",
        "started",
        "shutting down",
        "shut down completed",
    ]);
    assert!(!gone.is_ready(true));
}

#[test]
fn the_time_of_the_last_reload_of_a_listener_is_kept() {
    let line = |at: &str, mode: &str| {
        format!(
            "{at} INFO org.apache.kafka.common.security.ssl.SslFactory Created new {mode} SSL engine builder with keystore java.security.KeyStore@1 truststore java.security.KeyStore@2"
        )
    };
    let (server, client) = (
        line("1764000000123", "SERVER"),
        line("1764000009999", "CLIENT"),
    );
    assert_eq!(
        after(&[&server, &client]).certificates_read,
        Some(1_764_000_000_123)
    );
}
