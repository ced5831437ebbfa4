use model::observed::identity::NodeIdentity;

use super::*;

#[test]
fn what_is_asked_for_is_drawn_and_the_rest_is_kept() {
    let node = |directories: serde_json::Value| -> NodeIdentity {
        serde_json::from_value(
            serde_json::json!({"pool": "dual", "roles": "combined", "directories": directories}),
        )
        .unwrap()
    };
    let known = Identity {
        cluster_id: "known".to_owned(),
        nodes: [
            (0, node(serde_json::json!({"0": "kept"}))),
            (1, node(serde_json::json!({}))),
        ]
        .into(),
        ..Identity::default()
    };
    let draw = Draw {
        cluster_id: false,
        directories: [(0, [1].into()), (1, [0].into())].into(),
        initial_controllers: [(0, 0), (1, 0)].into(),
    };
    let identity = drawn(&known, &draw);
    assert_eq!(identity.cluster_id, "known");
    assert_eq!(identity.nodes[&0].directories[&0], "kept");
    assert_eq!(identity.nodes[&0].directories[&1].len(), 22);
    assert_eq!(identity.initial_controllers[&0], "kept");
    assert_eq!(
        identity.initial_controllers[&1],
        identity.nodes[&1].directories[&0]
    );
}

#[test]
fn ids_and_passwords_have_the_form_kafka_and_java_take() {
    for _ in 0..1000 {
        let id = draw_id();
        assert_eq!(id.len(), 22);
        assert!(!id.starts_with('-'));
        assert!(draw_password().chars().all(|c| c.is_ascii_alphanumeric()));
    }
    assert_eq!(draw_password().len(), 32);
    assert_ne!(draw_id(), draw_id());
}
