//! Properties of all histories, not only of those that somebody thought of.

use proptest::prelude::*;
use simulator::oracle::shape;
use simulator::transcript;

use crate::faults::{commands, judge};
use crate::is_campaign;
use crate::stories::read;

fn cases(few: u32, many: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if is_campaign() { many } else { few },
        // A shrunk failure is kept as a story, not as a seed.
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

/// Stories whose end does not depend on when exactly things happen.
const PATIENT: [&str; 8] = [
    "first-deployment",
    "ephemeral-deployment",
    "pod-lost",
    "ephemeral-pod-lost",
    "volume-lost",
    "disk-wiped",
    "deleted-and-applied-again",
    "all-voters-lost-ephemeral",
];

/// Something that happens to a cluster.
fn event() -> impl Strategy<Value = String> {
    let node = 0..3_i32;
    prop_oneof![
        node.clone().prop_map(|node| format!("delete pod {node}")),
        node.clone().prop_map(|node| format!("kill {node}")),
        node.clone().prop_map(|node| format!("wipe {node}\nrun")),
        node.clone()
            .prop_map(|node| format!("delete pvc {node}\ndelete pod {node}\nrun")),
        node.clone().prop_map(|node| format!("away {node}")),
        node.prop_map(|node| format!("back {node}")),
        Just("hide kafka".to_owned()),
        Just("show kafka".to_owned()),
        Just("forget identity".to_owned()),
        Just("delete kafka\nwait 1\napply".to_owned()),
        Just("permit two".to_owned()),
        Just("permit one".to_owned()),
        Just("look".to_owned()),
        (1..8_u32).prop_map(|seconds| format!("wait {seconds}")),
        Just("run".to_owned()),
    ]
}

proptest! {
    #![proptest_config(cases(4, 400))]

    /// Any subset of the ready steps, in any order, leads to the same end.
    #[test]
    fn any_subset_in_any_order_is_safe(story in 0..PATIENT.len(), seed in 1..u64::MAX) {
        let script = commands(&read(PATIENT[story]));
        let (_, plain) = transcript(&script);
        let shuffled = format!("order {seed}\n{script}");
        let (told, story) = transcript(&shuffled);
        judge(&shuffled, &told, story, &shape(&plain.sim));
    }

    /// An operator that sees Kubernetes as it was a few looks ago does no harm and comes to the same end.
    #[test]
    fn a_stale_view_does_no_harm(story in 0..PATIENT.len(), looks in 1..4_usize) {
        let script = commands(&read(PATIENT[story]));
        let (_, plain) = transcript(&script);
        let stale = format!("stale {looks}\n{script}stale 0\nrun\n");
        let (told, story) = transcript(&stale);
        judge(&stale, &told, story, &shape(&plain.sim));
    }

    /// A second operator that acts on old plans does no harm.
    #[test]
    fn a_rival_with_old_plans_does_no_harm(story in 0..PATIENT.len(), seed in 1..u64::MAX) {
        let script = commands(&read(PATIENT[story]));
        let (_, plain) = transcript(&script);
        let rival = format!("rival on\norder {seed}\n{script}rival off\nrun\n");
        let (told, story) = transcript(&rival);
        judge(&rival, &told, story, &shape(&plain.sim));
    }

    /// Whatever happens, nothing forbidden does, and the operator comes to rest.
    #[test]
    fn no_history_makes_it_do_harm(
        ephemeral in any::<bool>(),
        events in prop::collection::vec(event(), 1..10),
    ) {
        let storage = if ephemeral { "ephemeral" } else { "persistent" };
        let script = format!(
            "world demo: dual 3 both {storage}; topic orders 3x3 min.isr 2\nrun\n{}\nshow kafka\npermit one\nback 0\nback 1\nback 2\nrun\n",
            events.join("\n")
        );
        let (told, story) = transcript(&script);
        let expected = shape(&story.sim);
        judge(&script, &told, story, &expected);
    }
}
