use serde_json::json;

use super::*;

/// A Kafka of generation 2 whose status speaks of `told`.
fn kafka(told: i64, conditions: &[(&str, &str, &str)]) -> Kafka {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason, "message": "in words"})
        })
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka",
        "metadata": {"name": "demo", "generation": 2},
        "spec": {"kafka": {"listeners": []}},
        "status": {"observedGeneration": told, "conditions": conditions}
    }))
    .unwrap()
}

fn plan(generation: i64, status: &str) -> KafkaPlan {
    serde_json::from_value(json!({
        "apiVersion": "klamm.dev/v1alpha1", "kind": "KafkaPlan",
        "metadata": {"name": "demo"}, "spec": {"cluster": "demo"},
        "status": {"clusterGeneration": generation, "status": status, "message": "Kafka refused it"}
    }))
    .unwrap()
}

const READY: (&str, &str, &str) = ("Ready", "True", "");
const CHANGING: (&str, &str, &str) = ("Reconciling", "True", "Maintaining");

#[test]
fn ready_counts_for_the_latest_change_and_with_nothing_under_way() {
    let not_ready = ("NotReady", "True", "Recovering");
    let unknown = ("Ready", "Unknown", "NotLookedAt");
    let under_way = Standing::UnderWay("in words".to_owned());
    let not = |why: &str| Standing::NotReady(why.to_owned());
    for (told, conditions, standing) in [
        (2, vec![READY], Standing::Settled),
        (
            1,
            vec![READY],
            Standing::UnderWay("its latest change has not been looked at yet".to_owned()),
        ),
        (
            1,
            vec![not_ready],
            not("its latest change has not been looked at yet"),
        ),
        (1, vec![READY, CHANGING], under_way.clone()),
        (2, vec![READY, CHANGING], under_way),
        (2, vec![not_ready], not("Recovering: in words")),
        (2, vec![unknown], not("NotLookedAt: in words")),
        (2, vec![], not("not Ready yet")),
    ] {
        assert_eq!(Standing::of(&kafka(told, &conditions), None), standing);
    }
}

#[test]
fn a_change_that_does_not_go_on_by_itself_is_held_up() {
    let kafka = kafka(2, &[READY, CHANGING]);
    let of = |plan| Standing::of(&kafka, Some(&plan));
    let held_up = Standing::HeldUp("Kafka refused it".to_owned());
    let under_way = Standing::UnderWay("in words".to_owned());
    assert_eq!(of(plan(2, "DELAYED")), held_up);
    assert_eq!(of(plan(2, "WAITING")), held_up);
    assert_eq!(of(plan(2, "IN_PROGRESS")), under_way);
    // A plan of the change before says nothing of this one.
    assert_eq!(of(plan(1, "DELAYED")), under_way);
}

#[test]
fn a_pool_whose_change_was_not_looked_at_is_named() {
    let pool = |told: Option<i64>| -> KafkaNodePool {
        serde_json::from_value(json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool",
            "metadata": {"name": "dual", "generation": 2},
            "spec": {"replicas": 3, "roles": ["broker"], "storage": {"type": "ephemeral"}},
            "status": told.map(|told| json!({"observedGeneration": told}))
        }))
        .unwrap()
    };
    assert_eq!(unseen_pool(&[pool(Some(2))]), None);
    for told in [Some(1), None] {
        assert_eq!(
            unseen_pool(&[pool(Some(2)), pool(told)]).unwrap(),
            "the latest change of KafkaNodePool dual has not been looked at yet"
        );
    }
}
