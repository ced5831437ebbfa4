use super::*;
use crate::volume::testing::config;

#[test]
fn the_first_voters_are_named_only_to_controllers_that_form_the_quorum() {
    let mut config = config();
    let of = |config: &RunnerConfig, format| arguments(config, format).split_off(5);
    assert_eq!(
        of(&config, Format::Initial),
        [
            "--initial-controllers",
            "0@c-p-0.c-kafka-brokers.ns.svc:9090:AAAAAAAAAAAAAAAAAAAAA0"
        ]
    );
    assert_eq!(of(&config, Format::Join), ["--no-initial-controllers"]);
    config.roles = model::desired::Roles::Broker;
    assert_eq!(of(&config, Format::Initial), ["--no-initial-controllers"]);
    config.quorum = QuorumKind::Static;
    assert!(of(&config, Format::Initial).is_empty());
}
