//! The flight recorder's promise: a look that was written down can be decided again, byte for byte.

use model::observed::{Known, Why, World};
use simulator::observe;
use simulator::story::Story;

fn told(commands: &[&str]) -> Story {
    let mut story = Story::default();
    for command in commands {
        story.tell(command);
    }
    story
}

#[test]
fn a_recorded_look_gives_the_same_plan_and_status() {
    let story = told(&[
        "world demo local: controllers 3 controller jbod; brokers 3 broker persistent; listener loadbalancer",
        "wait 6",
        "delete pod 1",
        "wait 1",
    ]);
    let input = observe::look(&story.sim, &story.sim.api, "one").unwrap();
    let recorded = serde_json::to_string(&input).unwrap();
    let replayed: planner::Input = serde_json::from_str(&recorded).unwrap();
    assert_eq!(input, replayed);
    let (plan, again) = (planner::plan(&input), planner::plan(&replayed));
    assert_eq!(
        serde_json::to_string(&plan).unwrap(),
        serde_json::to_string(&again).unwrap()
    );
    assert!(plan.steps().next().is_some(), "{plan}");
    let read: planner::Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(plan, read);
    let outcome = planner::Outcome::default();
    let status = planner::status(&input, &plan, &outcome);
    assert_eq!(status, planner::status(&replayed, &again, &outcome));
}

#[test]
fn an_unseen_world_is_waited_for() {
    let story = told(&["world demo: dual 3 both persistent", "run"]);
    let mut input = observe::look(&story.sim, &story.sim.api, "one").unwrap();
    let kafka = input.observed.kafka.clone();
    let permit = input.observed.permit.clone();
    input.observed = World::unseen(kafka);
    input.observed.permit = permit;
    let plan = planner::plan(&input);
    assert_eq!(plan.ready().count(), 0, "{plan}");
    assert!(!plan.waits().is_empty(), "{plan}");
    let outcome = planner::Outcome::default();
    let status = planner::status(&input, &plan, &outcome);
    let ready = &status.kafka["conditions"][0];
    assert_eq!(
        (ready["type"].as_str(), ready["status"].as_str()),
        (Some("Ready"), Some("True"))
    );
}

#[test]
fn each_unknown_list_alone_holds_everything() {
    let story = told(&[
        "world demo: dual 3 both ephemeral",
        "run",
        "delete pod 1",
        "wait 3",
    ]);
    let input = observe::look(&story.sim, &story.sim.api, "one").unwrap();
    let why = || Why::Unreachable {
        text: "list: 503".to_owned(),
    };
    let blind: [fn(&mut World, Why); 7] = [
        |world, why| world.plan = Known::Unknown(why),
        |world, why| world.pods = Known::Unknown(why),
        |world, why| world.volumes = Known::Unknown(why),
        |world, why| world.secrets = Known::Unknown(why),
        |world, why| world.objects = Known::Unknown(why),
        |world, why| world.pools = Known::Unknown(why),
        |world, why| world.foreign = Known::Unknown(why),
    ];
    for make_blind in blind {
        let mut input = input.clone();
        make_blind(&mut input.observed, why());
        let plan = planner::plan(&input);
        assert_eq!(plan.ready().count(), 0, "{plan}");
    }
}

#[test]
fn a_plan_whose_spec_cannot_be_read_begins_nothing() {
    let mut story = told(&[
        "world demo: dual 3 both ephemeral",
        "run",
        "delete pod 1",
        "wait 3",
    ]);
    let decide =
        |story: &Story| planner::plan(&observe::look(&story.sim, &story.sim.api, "one").unwrap());
    assert_ne!(decide(&story).ready().count(), 0);
    story.tell(r#"override [{"action": "Dance"}]"#);
    let plan = decide(&story);
    assert_eq!(plan.ready().count(), 0, "{plan}");
    let told: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.contains("Dance")), "{told:?}");
}

#[test]
fn a_change_that_fails_is_told_with_its_generation_and_waits_for_nobody() {
    let story = told(&[
        "world demo: dual 3 both persistent",
        "run",
        "edit /kafka/config/num.io.threads 4",
        "look",
        "edit /kafka/config/num.io.threads 8",
    ]);
    let input = observe::look(&story.sim, &story.sim.api, "one").unwrap();
    let plan = planner::plan(&input);
    let told = |outcome: &planner::Outcome| {
        let status = planner::status(&input, &plan, outcome);
        (
            status.kafka["observedGeneration"].as_i64(),
            status.plan["status"].as_str().map(str::to_owned),
            status.kafka.to_string().contains("StepFailed"),
        )
    };
    let before = told(&planner::Outcome::default());
    assert_eq!(before, (Some(1), Some("IN_PROGRESS".to_owned()), false));
    let failed = plan.ready().map(|step| planner::StepResult {
        id: step.id.clone(),
        end: planner::StepEnd::Failed {
            error: "Kafka refused it".to_owned(),
        },
    });
    let outcome = planner::Outcome {
        results: failed.collect(),
    };
    assert_eq!(told(&outcome), (Some(3), Some("DELAYED".to_owned()), true));
}
