//! What is left when all nodes serve: the metadata version.

use model::desired::MetadataVersion;

use crate::action::Action;
use crate::cluster::draft::{Draft, NewStep};
use crate::cluster::node::NodeView;
use crate::cluster::pods::serves;
use crate::cluster::render::Renderer;
use crate::cluster::view::View;
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::reason::Reason;
use crate::wait::Wait;

/// Plans the end: raises `metadata.version` once every node serves and nothing else is open.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let Some(level) = view
        .world
        .features
        .value()
        .and_then(|features| features.metadata_version)
    else {
        return;
    };
    let wanted = renderer.cluster.metadata_version;
    let word = |level: i16| {
        MetadataVersion::from_level(level)
            .map_or_else(|| level.to_string(), |version| version.to_string())
    };
    if level > wanted.level() {
        draft.notes.push(Note {
            reason: model::problem::WarningReason::KafkaMetadataVersion.as_str().to_owned(),
            message: format!(
                "spec.kafka.metadataVersion is {wanted}, the cluster uses {}; going back is not done",
                word(level)
            ),
        });
    }
    if level >= wanted.level() {
        return;
    }
    let resting: Vec<i32> = nodes
        .iter()
        .filter(|node| !serves(view, node))
        .map(|node| node.id)
        .collect();
    let state = if resting.is_empty() && draft.problems.is_empty() {
        StepState::Ready
    } else if resting.is_empty() {
        StepState::Pending
    } else {
        StepState::Waiting(Wait::Nodes { nodes: resting })
    };
    draft.push(NewStep {
        phase: PhaseName::Finish,
        verb: Verb::Raise,
        subject: "metadata.version".to_owned(),
        reason: Reason::Version {
            from: word(level),
            to: wanted.to_string(),
        },
        action: Some(Action::RaiseMetadataVersion {
            level: wanted.level(),
            version: wanted.to_string(),
        }),
        guards: Vec::new(),
        state,
    });
}
