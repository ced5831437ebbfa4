use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

fn exit(code: i32) -> Exit {
    Exit {
        code,
        signal: None,
        started_at: Some(Timestamp::from_second(1).unwrap()),
        finished_at: Timestamp::from_second(2).unwrap(),
        out_of_memory: false,
        start_error: None,
        message: None,
        unknown: false,
    }
}

fn told(container: &Container, role: Role, state: ToldState) -> Told<'_> {
    let running = matches!(state, ToldState::Running { .. });
    Told {
        container,
        role,
        state,
        last: None,
        restarts: 0,
        ready: running,
        started: running,
        image_id: "i".to_owned(),
    }
}

fn tale(containers: Vec<Told<'_>>, restart: Restart, initialized: bool, now: i64) -> Tale<'_> {
    Tale {
        uid: "u",
        containers,
        restart,
        gates: Vec::new(),
        mounted: true,
        initialized,
        init_failed: false,
        deleting: false,
        rejected: None,
        pod_ip: Some("127.9.1.1".to_owned()),
        host_ip: "127.9.0.1".to_owned(),
        now: Timestamp::from_second(now).unwrap(),
    }
}

fn check(tale: &Tale<'_>, before: &PodStatus, expected: &Expect) -> PodStatus {
    let status = pod_status(tale, before);
    let mut text = format!("{}\n", status.phase.as_deref().unwrap());
    for condition in status.conditions.iter().flatten() {
        let since = condition
            .last_transition_time
            .as_ref()
            .unwrap()
            .0
            .as_second();
        let _ = write!(
            text,
            "{}={} since {since}",
            condition.type_, condition.status
        );
        if let Some(reason) = &condition.reason {
            let _ = write!(
                text,
                " {reason}: {}",
                condition.message.as_deref().unwrap_or_default()
            );
        }
        text.push('\n');
    }
    expected.assert_eq(&text);
    status
}

#[test]
fn a_pod_from_start_to_ready_to_end() {
    let (init, main) = (
        Container {
            name: "init".to_owned(),
            ..Container::default()
        },
        Container {
            name: "main".to_owned(),
            ..Container::default()
        },
    );
    let waiting = || ToldState::Waiting {
        reason: "PodInitializing".to_owned(),
        message: None,
    };
    let running = ToldState::Running {
        attempt: 0,
        since: Timestamp::UNIX_EPOCH,
    };
    let containers = vec![
        told(&init, Role::Init, running.clone()),
        told(&main, Role::Main, waiting()),
    ];
    let first = check(
        &tale(containers, Restart::Never, false, 10),
        &PodStatus::default(),
        &expect![[r#"
            Pending
            PodReadyToStartContainers=True since 10
            Initialized=False since 10 ContainersNotInitialized: containers with incomplete status: [init]
            Ready=False since 10 ContainersNotReady: containers with unready status: [main]
            ContainersReady=False since 10 ContainersNotReady: containers with unready status: [main]
            PodScheduled=True since 10
        "#]],
    );
    let ended = |code| ToldState::Ended {
        attempt: 0,
        exit: exit(code),
    };
    let containers = vec![
        told(&init, Role::Init, ended(0)),
        told(&main, Role::Main, running),
    ];
    let second = check(
        &tale(containers.clone(), Restart::Never, true, 20),
        &first,
        &expect![[r#"
            Running
            PodReadyToStartContainers=True since 10
            Initialized=True since 20
            Ready=True since 20
            ContainersReady=True since 20
            PodScheduled=True since 10
        "#]],
    );
    assert_eq!(
        pod_status(&tale(containers, Restart::Never, true, 30), &second),
        second,
        "equal facts give an equal status"
    );
    let containers = vec![
        told(&init, Role::Init, ended(0)),
        told(&main, Role::Main, ended(3)),
    ];
    check(
        &tale(containers, Restart::Never, true, 40),
        &second,
        &expect![[r#"
            Failed
            PodReadyToStartContainers=False since 40
            Initialized=True since 20
            Ready=False since 40 PodFailed: 
            ContainersReady=False since 40 PodFailed: 
            PodScheduled=True since 10
        "#]],
    );
}

#[test]
fn a_crash_loop_is_running_and_a_closed_gate_is_not_ready() {
    let main = Container {
        name: "main".to_owned(),
        ..Container::default()
    };
    let mut one = told(
        &main,
        Role::Main,
        ToldState::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: None,
        },
    );
    one.last = Some((0, exit(1)));
    assert_eq!(
        pod_status(
            &tale(vec![one], Restart::Always, true, 1),
            &PodStatus::default()
        )
        .phase
        .as_deref(),
        Some("Running")
    );
    let one = told(
        &main,
        Role::Main,
        ToldState::Running {
            attempt: 0,
            since: Timestamp::UNIX_EPOCH,
        },
    );
    let mut tale = tale(vec![one], Restart::Always, true, 1);
    tale.gates = vec!["klamm.dev/x".to_owned()];
    let status = pod_status(&tale, &PodStatus::default());
    let ready = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready")
        .unwrap()
        .clone();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_deref()),
        ("False", Some("ReadinessGatesNotReady"))
    );
    let gate = PodCondition {
        type_: "klamm.dev/x".to_owned(),
        status: "True".to_owned(),
        ..PodCondition::default()
    };
    let before = PodStatus {
        conditions: Some(vec![gate]),
        ..PodStatus::default()
    };
    let conditions = pod_status(&tale, &before).conditions.unwrap();
    assert!(
        conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    );
    assert!(
        conditions
            .iter()
            .any(|condition| condition.type_ == "klamm.dev/x"),
        "conditions of others stay"
    );
}
