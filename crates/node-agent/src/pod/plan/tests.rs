use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

/// One word per container: `i`nit, `s`idecar or `m`ain, then `-` fresh, `+` running, `*` running and started,
/// or `=code@second~wait` ended.
fn look(words: &str, restart: Restart, now: i64, expected: &Expect) {
    let containers: Vec<Seen> = words
        .split_whitespace()
        .map(|word| {
            let (role, rest) = word.split_at(1);
            let role = match role {
                "i" => Role::Init,
                "s" => Role::Sidecar,
                _ => Role::Main,
            };
            let restart = match (role, restart) {
                (Role::Sidecar, _) => Restart::Always,
                (Role::Init, Restart::Always) => Restart::OnFailure,
                (_, restart) => restart,
            };
            let state = match rest {
                "-" => State::Fresh,
                "+" => State::Running { started: false },
                "*" => State::Running { started: true },
                exited => {
                    let numbers: Vec<i64> = exited[1..]
                        .split(['@', '~'])
                        .map(|number| number.parse().unwrap())
                        .collect();
                    State::Exited {
                        code: i32::try_from(numbers[0]).unwrap(),
                        at: Timestamp::from_second(numbers[1]).unwrap(),
                        ran_for: Some(SignedDuration::from_secs(
                            numbers.get(3).copied().unwrap_or(1),
                        )),
                        wait_seconds: u64::try_from(numbers[2]).unwrap(),
                    }
                }
            };
            Seen {
                role,
                restart,
                state,
                not_before: None,
            }
        })
        .collect();
    let look = Look {
        now: Timestamp::from_second(now).unwrap(),
        containers: &containers,
        mounted: true,
        stopping: words.contains("  "),
    };
    let plan = plan(&look);
    let mut text = String::new();
    for start in &plan.start {
        let _ = writeln!(
            text,
            "start {} (then wait {} s)",
            start.container, start.next_wait_seconds
        );
    }
    for stop in &plan.stop {
        let _ = writeln!(text, "stop {stop}");
    }
    for (container, wait) in &plan.backing_off {
        let _ = writeln!(text, "back off {container} for {wait} s");
    }
    for (word, is) in [
        ("initialized", plan.initialized),
        ("init failed", plan.init_failed),
        ("finished", plan.finished),
    ] {
        if is {
            let _ = writeln!(text, "{word}");
        }
    }
    if let Some(at) = plan.wake_at {
        let _ = writeln!(text, "look again at {}", at.as_second());
    }
    expected.assert_eq(&text);
}

#[test]
fn init_containers_run_one_after_the_other() {
    look(
        "i- i- m-",
        Restart::Always,
        0,
        &expect![[r#"
        start 0 (then wait 0 s)
    "#]],
    );
    look("i+ i- m-", Restart::Always, 0, &expect![""]);
    look(
        "i=0@1~0 i- m-",
        Restart::Always,
        1,
        &expect![[r#"
        start 1 (then wait 0 s)
    "#]],
    );
    look(
        "i=0@1~0 i=0@2~0 m- m-",
        Restart::Always,
        2,
        &expect![[r#"
        start 2 (then wait 0 s)
        start 3 (then wait 0 s)
        initialized
    "#]],
    );
}

#[test]
fn a_failing_init_container_is_tried_again_unless_the_pod_never_restarts() {
    look(
        "i=1@5~0 m-",
        Restart::Always,
        5,
        &expect![[r#"
        start 0 (then wait 10 s)
    "#]],
    );
    look(
        "i=1@5~10 m-",
        Restart::OnFailure,
        6,
        &expect![[r#"
        back off 0 for 10 s
        look again at 15
    "#]],
    );
    look(
        "s* i=1@5~10 m-",
        Restart::Never,
        6,
        &expect![[r#"
        stop 0
        init failed
    "#]],
    );
}

#[test]
fn waits_double_up_to_five_minutes_and_are_forgiven() {
    look(
        "m=1@100~0",
        Restart::Always,
        100,
        &expect![[r#"
        start 0 (then wait 10 s)
        initialized
    "#]],
    );
    look(
        "m=1@100~10",
        Restart::Always,
        109,
        &expect![[r#"
        back off 0 for 10 s
        initialized
        look again at 110
    "#]],
    );
    look(
        "m=1@100~10",
        Restart::Always,
        110,
        &expect![[r#"
        start 0 (then wait 20 s)
        initialized
    "#]],
    );
    look(
        "m=1@100~300",
        Restart::Always,
        400,
        &expect![[r#"
        start 0 (then wait 300 s)
        initialized
    "#]],
    );
    look(
        "m=1@1000~300~601",
        Restart::Always,
        1000,
        &expect![[r#"
        start 0 (then wait 10 s)
        initialized
    "#]],
    );
}

#[test]
fn policies_decide_what_is_over() {
    look(
        "m=0@1~0 m=1@1~0",
        Restart::OnFailure,
        1,
        &expect![[r#"
        start 1 (then wait 10 s)
        initialized
    "#]],
    );
    look(
        "m=0@1~0 m=1@1~0",
        Restart::Never,
        1,
        &expect![[r#"
        initialized
        finished
    "#]],
    );
    look(
        "m=0@1~0 m*",
        Restart::Never,
        1,
        &expect![[r#"
        initialized
    "#]],
    );
}

#[test]
fn sidecars_run_beside_the_others_and_end_with_them() {
    look("s+ m-", Restart::Always, 1, &expect![""]);
    look(
        "s* m-",
        Restart::Always,
        1,
        &expect![[r#"
        start 1 (then wait 0 s)
        initialized
    "#]],
    );
    look(
        "s=1@1~0 m*",
        Restart::Always,
        1,
        &expect![[r#"
        start 0 (then wait 10 s)
        initialized
    "#]],
    );
    look(
        "s* m=0@1~0",
        Restart::Never,
        1,
        &expect![[r#"
        stop 0
        initialized
    "#]],
    );
}

#[test]
fn an_init_container_is_not_run_again_beside_running_ones() {
    look(
        "i- m*",
        Restart::Always,
        1,
        &expect![[r#"
        initialized
    "#]],
    );
}

#[test]
fn stopping_leaves_sidecars_to_the_end() {
    look(
        "s*  m* m+",
        Restart::Always,
        1,
        &expect![[r#"
        stop 1
        stop 2
    "#]],
    );
    look(
        "s*  m=0@1~0",
        Restart::Always,
        1,
        &expect![[r#"
        stop 0
    "#]],
    );
    look(
        "i-  m=0@1~0",
        Restart::Always,
        1,
        &expect![[r#"
        finished
    "#]],
    );
}
