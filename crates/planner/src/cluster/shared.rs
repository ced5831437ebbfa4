//! What the nodes share: Services, policies, accounts. Nothing here disturbs a running node.
//!
//! Invariants: an object is applied only where it differs in what we render (servers fill in defaults), or was rendered
//! otherwise before; objects that are no longer rendered are left alone (removing a listener is a change that needs a
//! restart).

use model::observed::object::{Object, ObjectKey, RENDERED};
use serde_json::{Value, json};

use crate::action::Action;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::render::Renderer;
use crate::cluster::view::View;
use crate::differ;
use crate::guard::Guard;
use crate::plan::{PhaseName, StepState, Verb};
use crate::reason::Reason;
use crate::wait::Wait;

/// Plans all shared objects.
pub(crate) fn plan(view: &View<'_>, renderer: &Renderer<'_>, draft: &mut Draft) {
    for object in renderer.shared() {
        plan_object(view, object, PhaseName::Shared, draft);
    }
}

/// Plans one object: applied where it is missing or differs.
pub(crate) fn plan_object(view: &View<'_>, object: Value, phase: PhaseName, draft: &mut Draft) {
    let Some(key) = key_of(&object) else { return };
    let seen = view.objects.get(&key);
    let (reason, guard) = match seen {
        None => (Reason::Missing, absent(&key.kind, &key.name)),
        Some(seen) if view.is_going(&seen.meta) => {
            let missing = vec![format!("a new {key}")];
            return draft.wait(
                phase,
                &key.to_string(),
                Reason::Missing,
                Wait::Objects { missing },
            );
        }
        Some(seen) => {
            let paths = differing(&object, seen);
            if paths.is_empty() {
                return;
            }
            let guard = Guard::Is {
                object: key.clone(),
                uid: seen.meta.uid.clone(),
            };
            (Reason::Differs { paths }, guard)
        }
    };
    draft.push(NewStep {
        phase,
        verb: Verb::Apply,
        subject: key.to_string(),
        reason,
        action: Some(Action::Apply { object }),
        guards: vec![guard],
        state: StepState::Ready,
    });
}

/// Where an object differs from what is rendered.
fn differing(rendered: &Value, seen: &Object) -> Vec<String> {
    let metadata = json!({
        "labels": seen.meta.labels,
        "annotations": seen.meta.annotations,
    });
    let mut whole = seen.body.clone();
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("metadata".to_owned(), metadata);
    }
    let mut wanted = rendered.clone();
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.remove("apiVersion");
        wanted.remove("kind");
        wanted.remove("status");
        if let Some(metadata) = wanted.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| key == "labels" || key == "annotations");
        }
    }
    let paths = differ::missing(&wanted, &whole);
    let only_mark = format!("metadata.annotations.{RENDERED}");
    if paths.len() == 1 && paths.first() == Some(&only_mark) {
        return vec!["what is no longer set".to_owned()];
    }
    paths
        .into_iter()
        .filter(|path| *path != only_mark)
        .collect()
}

/// Kind and name of a rendered object.
pub(crate) fn key_of(object: &Value) -> Option<ObjectKey> {
    let kind = object.get("kind")?.as_str()?;
    let name = object.pointer("/metadata/name")?.as_str()?;
    Some(ObjectKey::new(kind, name))
}
