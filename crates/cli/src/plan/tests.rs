use expect_test::expect;

use super::*;

#[test]
fn a_plan_is_drawn_as_a_tree_with_reasons_and_waits() {
    let plan: KafkaPlan = serde_json::from_value(serde_json::json!({
        "apiVersion": "klamm.dev/v1alpha1",
        "kind": "KafkaPlan",
        "metadata": {"name": "my-cluster"},
        "spec": {"cluster": "my-cluster"},
        "status": {
            "title": "deploy 4.3.1",
            "status": "IN_PROGRESS",
            "done": "2/4",
            "phases": [
                {"name": "certificates", "strategy": "parallel", "status": "COMPLETE"},
                {"name": "brokers", "strategy": "parallel", "status": "IN_PROGRESS", "steps": [
                    {"name": "create 0", "status": "COMPLETE"},
                    {"name": "create 1", "status": "WAITING", "message": "log recovery 61 %"}
                ]}
            ],
            "problems": [{"reason": "VolumeLost", "message": "volume 0 is empty", "hint": "give it back"}]
        }
    }))
    .unwrap();
    expect![[r"
        my-cluster  deploy 4.3.1  IN_PROGRESS  2/4
        ├─ certificates                     COMPLETE
        └─ brokers                          IN_PROGRESS
           ├─ create 0                      COMPLETE
           └─ create 1                      WAITING  log recovery 61 %
        problem  VolumeLost: volume 0 is empty
                 give it back"]]
    .assert_eq(&draw(&plan));
}
