use std::process::Command;

use super::*;

#[test]
fn a_process_is_known_by_more_than_its_pid() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let process = ProcessId::of(pid).unwrap();
    assert!(process.alive());
    assert!(
        !ProcessId {
            start_time: process.start_time + 1,
            ..process.clone()
        }
        .alive()
    );
    assert!(
        !ProcessId {
            boot_id: "another".to_owned(),
            ..process.clone()
        }
        .alive()
    );
    ProcessId {
        start_time: process.start_time + 1,
        ..process.clone()
    }
    .signal(Signal::KILL);
    assert!(
        process.alive(),
        "a signal to another process of the same pid must not reach this one"
    );
    assert!(descendants(rustix::process::getpid().as_raw_nonzero().get()).contains(&pid));
    process.signal(Signal::KILL);
    child.wait().unwrap();
    assert!(!process.alive());
}

#[tokio::test]
async fn the_end_of_a_process_is_noticed_without_being_its_parent() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let process = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
    let waiting = tokio::spawn({
        let process = process.clone();
        async move { process.ended().await }
    });
    process.signal(Signal::KILL);
    waiting.await.unwrap();
    child.wait().unwrap();
    process.ended().await;
}

#[test]
fn leftovers_are_found_by_their_environment() {
    let mark = Path::new("/some/where/only-this-test").join(std::process::id().to_string());
    let mut child = Command::new("sleep")
        .arg("60")
        .env("KLAMM_CONTAINER_DIR", &mark)
        .spawn()
        .unwrap();
    let mut found = Vec::new();
    // The environment shows once the new program has been loaded.
    for _ in 0..200 {
        found = with_environment("KLAMM_CONTAINER_DIR", &mark);
        if !found.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(
        found.iter().map(|process| process.pid).collect::<Vec<_>>(),
        [i32::try_from(child.id()).unwrap()]
    );
    assert!(
        environment(&found[0])
            .unwrap()
            .iter()
            .any(|(name, _)| name == "KLAMM_CONTAINER_DIR")
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
