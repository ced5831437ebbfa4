//! Certificates: the nodes', the operator's, the bundle that all trust, the JMX password. The authorities: `authority.rs`.
//!
//! Nothing here restarts a node: certificates are mounted files, reloaded where Kafka can.
//!
//! Invariants: a certificate that is valid and names everything is never issued again; under a cluster CA that did not
//! sign what serving nodes have, nothing is issued and nothing that nodes trust changes.

use std::collections::BTreeSet;

use base64::Engine;
use manifests::secret;
use manifests::to_value;
use model::desired::Jmx;
use model::observed::object::{ObjectKey, RENDERED};
use model::observed::secret::{Certificate, Secret};
use serde_json::{Value, json};

use crate::action::{Action, Authority, CertificateRequest};
use crate::cluster::authority;
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::node::NodeView;
use crate::cluster::render::{Renderer, annotate};
use crate::cluster::shared::key_of;
use crate::cluster::view::{PodSeen, View};
use crate::differ;
use crate::guard::Guard;
use crate::plan::{PhaseName, StepState, Verb};
use crate::reason::Reason;
use crate::wait::Wait;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Plans all certificates.
pub(crate) fn plan(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    nodes: &[NodeView<'_>],
    draft: &mut Draft,
) {
    let cluster = authority::plan(view, renderer, Authority::Cluster, nodes, draft);
    let clients = authority::plan(view, renderer, Authority::Clients, nodes, draft);
    let replaced = cluster.and_then(|ca| authority::replaced(view, ca, nodes));
    if let Some(problem) = replaced {
        draft.problems.push(problem);
    } else if let Some(ca) = cluster {
        operator(view, renderer, ca, draft);
        for node in nodes {
            plan_node(view, renderer, ca, node, draft);
        }
        if clients.is_some() {
            trust_bundle(view, renderer, draft);
        }
    }
    if renderer.cluster.jmx == Jmx::Password {
        jmx(view, renderer, draft);
    }
}

fn operator(view: &View<'_>, renderer: &Renderer<'_>, ca: &Certificate, draft: &mut Draft) {
    let secret = to_value(&secret::operator(&renderer.input()));
    let request = CertificateRequest {
        authority: Authority::Cluster,
        secret,
        entry: secret::OPERATOR_ENTRY.to_owned(),
        common_name: manifests::certificate::OPERATOR_COMMON_NAME.to_owned(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        validity_days: renderer.cluster.cluster_ca.validity_days,
    };
    issue(view, renderer, ca, request, draft);
}

fn plan_node(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    ca: &Certificate,
    node: &NodeView<'_>,
    draft: &mut Draft,
) {
    let Some(desired) = node.desired() else {
        return;
    };
    let input = renderer.input();
    let pod_address = match node.pod {
        PodSeen::Present(pod) => pod.pod_ip.as_deref(),
        PodSeen::Absent | PodSeen::Going | PodSeen::Finished(_) => None,
    };
    let names = manifests::certificate::names(&input, &desired, pod_address);
    let request = CertificateRequest {
        authority: Authority::Cluster,
        secret: to_value(&secret::node(&input, &desired)),
        entry: node.pod_name.clone(),
        common_name: manifests::certificate::node_common_name(&input),
        dns_names: names.dns,
        addresses: names.addresses,
        validity_days: renderer.cluster.cluster_ca.validity_days,
    };
    issue(view, renderer, ca, request, draft);
}

/// Plans one certificate: issued where it is missing, or not good any more.
fn issue(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    ca: &Certificate,
    request: CertificateRequest,
    draft: &mut Draft,
) {
    let Some(key) = key_of(&request.secret) else {
        return;
    };
    if let Some(wait) = going(view, &key.name) {
        return draft.wait(
            PhaseName::Certificates,
            &key.to_string(),
            Reason::Missing,
            wait,
        );
    }
    let seen = view.secret(&key.name);
    let certificate =
        seen.and_then(|seen| seen.certificates.get(&format!("{}.crt", request.entry)));
    let reason = match (seen, certificate) {
        (None, _) | (Some(_), None) => Reason::Missing,
        (Some(_), Some(certificate)) => {
            match why_again(view, renderer, ca, certificate, &request) {
                Some(reason) => reason,
                None => return,
            }
        }
    };
    let guard = match seen {
        None => absent("Secret", &key.name),
        Some(seen) => is_secret(&key.name, seen),
    };
    draft.push(NewStep {
        phase: PhaseName::Certificates,
        verb: Verb::Issue,
        subject: key.to_string(),
        reason,
        action: Some(Action::IssueCertificate(request)),
        guards: vec![guard],
        state: StepState::Ready,
    });
}

/// Why a certificate that is there must be issued again.
fn why_again(
    view: &View<'_>,
    renderer: &Renderer<'_>,
    ca: &Certificate,
    certificate: &Certificate,
    request: &CertificateRequest,
) -> Option<Reason> {
    let signed = certificate.signed_by.as_deref() == Some(ca.fingerprint.as_str());
    if !signed || certificate.key_matches == Some(false) {
        return Some(Reason::OtherAuthority);
    }
    let dns = request
        .dns_names
        .iter()
        .filter(|name| !certificate.dns_names.contains(name));
    let addresses = request
        .addresses
        .iter()
        .filter(|name| !certificate.addresses.contains(name));
    let unnamed: Vec<String> = dns.chain(addresses).cloned().collect();
    if !unnamed.is_empty() {
        return Some(Reason::Unnamed { names: unnamed });
    }
    let settings = &renderer.cluster.cluster_ca;
    // A leaf cannot outlive its authority: issuing again while that one ends as soon would not help.
    let helps = certificate.not_after < ca.not_after || certificate.not_after <= view.now();
    (helps && ends_within(view, certificate, settings.renewal_days)).then(|| Reason::Expiring {
        day: day(certificate),
    })
}

/// The bundle of both authorities' certificates: public, so it is rendered whole.
fn trust_bundle(view: &View<'_>, renderer: &Renderer<'_>, draft: &mut Draft) {
    let mut object = to_value(&secret::trust_bundle(&renderer.input()));
    let name = &renderer.cluster.name;
    let bundle = |secret: String| {
        let secret = view.secret(&secret);
        let certificates = secret
            .into_iter()
            .flat_map(|secret| secret.certificates.values());
        let pems: Vec<String> = certificates
            .map(|certificate| with_newline(&certificate.pem))
            .collect();
        base64::engine::general_purpose::STANDARD.encode(pems.concat())
    };
    let data = json!({
        secret::TRUST_CLUSTER: bundle(format!("{name}-cluster-ca-cert")),
        secret::TRUST_CLIENTS: bundle(format!("{name}-clients-ca-cert")),
    });
    if let Some(object) = object.as_object_mut() {
        object.insert("data".to_owned(), data);
    }
    let hash = differ::hash_value(&object);
    annotate(&mut object, RENDERED, hash.clone());
    let Some(key) = key_of(&object) else { return };
    if let Some(wait) = going(view, &key.name) {
        return draft.wait(
            PhaseName::Certificates,
            &key.to_string(),
            Reason::Missing,
            wait,
        );
    }
    let (reason, guard) = match view.secret(&key.name) {
        None => (Reason::Missing, absent("Secret", &key.name)),
        Some(seen) => {
            let complete = [secret::TRUST_CLUSTER, secret::TRUST_CLIENTS]
                .iter()
                .all(|entry| seen.keys.contains_key(*entry));
            if complete && seen.meta.annotations.get(RENDERED) == Some(&hash) {
                return;
            }
            let paths = vec!["the certificates in it".to_owned()];
            (Reason::Differs { paths }, is_secret(&key.name, seen))
        }
    };
    draft.push(NewStep {
        phase: PhaseName::Certificates,
        verb: Verb::Apply,
        subject: key.to_string(),
        reason,
        action: Some(Action::Apply { object }),
        guards: vec![guard],
        state: StepState::Ready,
    });
}

fn jmx(view: &View<'_>, renderer: &Renderer<'_>, draft: &mut Draft) {
    let object: Value = to_value(&secret::jmx(&renderer.input()));
    let Some(key) = key_of(&object) else { return };
    if view.secrets.contains_key(&key.name) {
        return;
    }
    draft.push(NewStep {
        phase: PhaseName::Certificates,
        verb: Verb::Create,
        subject: key.to_string(),
        reason: Reason::Missing,
        action: Some(Action::DrawSecret {
            secret: object,
            fixed: std::collections::BTreeMap::new(),
            drawn: [secret::JMX_USERNAME, secret::JMX_PASSWORD]
                .map(str::to_owned)
                .into(),
        }),
        guards: vec![absent("Secret", &key.name)],
        state: StepState::Ready,
    });
}

/// The wait for a Secret that belongs to a Kafka that is gone, or is being deleted.
pub(super) fn going(view: &View<'_>, name: &str) -> Option<Wait> {
    let secret = view.secrets.get(name)?;
    view.is_going(&secret.meta).then(|| Wait::Objects {
        missing: vec![format!("a new Secret/{name}")],
    })
}

pub(super) fn is_secret(name: &str, secret: &Secret) -> Guard {
    Guard::Is {
        object: ObjectKey::new("Secret", name),
        uid: secret.meta.uid.clone(),
    }
}

pub(super) fn ends_within(view: &View<'_>, certificate: &Certificate, days: u32) -> bool {
    let left = certificate.not_after.as_second() - view.now().as_second();
    left < i64::from(days) * DAY_SECONDS
}

pub(super) fn day(certificate: &Certificate) -> String {
    certificate.not_after.strftime("%Y-%m-%d").to_string()
}

fn with_newline(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}
