//! Certificates: the two authorities, the nodes', the operator's, the bundle that all trust, the JMX password.
//!
//! Nothing here restarts a node: certificates are mounted files, reloaded where Kafka can.
//!
//! Invariants: a key that exists is never replaced by a key of ours; a certificate that is valid and names everything
//! is never issued again.

use std::collections::BTreeSet;

use base64::Engine;
use manifests::secret;
use manifests::to_value;
use model::desired::{CaSettings, Jmx};
use model::observed::object::{ObjectKey, RENDERED};
use model::observed::secret::{Certificate, Secret};
use serde_json::{Value, json};

use crate::action::{Action, Authority, AuthorityRequest, CertificateRequest};
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::node::NodeView;
use crate::cluster::render::{Renderer, annotate};
use crate::cluster::shared::key_of;
use crate::cluster::view::{PodSeen, View};
use crate::differ;
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::problem::Problem;
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
    let cluster = authority(view, renderer, Authority::Cluster, draft);
    let clients = authority(view, renderer, Authority::Clients, draft);
    if let Some(ca) = cluster {
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

/// Plans an authority; returns its certificate once it can sign.
fn authority<'a>(
    view: &View<'a>,
    renderer: &Renderer<'_>,
    authority: Authority,
    draft: &mut Draft,
) -> Option<&'a Certificate> {
    let word = authority.as_str();
    let name = &renderer.cluster.name;
    let (key_name, certificate_name) = (
        format!("{name}-{word}-ca"),
        format!("{name}-{word}-ca-cert"),
    );
    for secret in [&key_name, &certificate_name] {
        if let Some(wait) = going(view, secret) {
            draft.wait(
                PhaseName::Certificates,
                &format!("Secret/{secret}"),
                Reason::Missing,
                wait,
            );
            return None;
        }
    }
    let (which, settings) = match authority {
        Authority::Cluster => (secret::Authority::Cluster, &renderer.cluster.cluster_ca),
        Authority::Clients => (secret::Authority::Clients, &renderer.cluster.clients_ca),
    };
    let key = view
        .secret(&key_name)
        .filter(|s| s.keys.contains_key(secret::CA_KEY));
    let certificate = view
        .secret(&certificate_name)
        .and_then(|s| s.certificates.get(secret::CA_CERTIFICATE));
    match (key, certificate) {
        (Some(_), Some(certificate)) => {
            note_expiry(view, &certificate_name, certificate, settings, draft);
            Some(certificate)
        }
        // The clients CA only needs a key where somebody signs with it; its certificate is what is trusted.
        (None, Some(certificate)) if !settings.generate && authority == Authority::Clients => {
            Some(certificate)
        }
        (key, certificate) if !settings.generate || certificate.is_some() => {
            let (secret, key) = match (key, certificate) {
                (None, _) => (key_name, secret::CA_KEY),
                (Some(_), _) => (certificate_name, secret::CA_CERTIFICATE),
            };
            let key = key.to_owned();
            draft
                .problems
                .push(Problem::AuthorityMissing { secret, key });
            None
        }
        (key, _) => {
            let input = renderer.input();
            let request = AuthorityRequest {
                authority,
                key_secret: to_value(&secret::authority_key(&input, which)),
                draw_key: key.is_none(),
                certificate_secret: to_value(&secret::authority_certificate(&input, which)),
                common_name: format!("{word}-ca v{}", generation(renderer, authority)),
                validity_days: settings.validity_days,
            };
            let mut guards = vec![absent("Secret", &certificate_name)];
            match key {
                None => guards.push(absent("Secret", &key_name)),
                Some(key) => guards.push(is_secret(&key_name, key)),
            }
            draft.push(NewStep {
                phase: PhaseName::Certificates,
                verb: Verb::Issue,
                subject: format!("{word} CA"),
                reason: Reason::Missing,
                action: Some(Action::IssueAuthority(request)),
                guards,
                state: StepState::Ready,
            });
            None
        }
    }
}

fn generation(renderer: &Renderer<'_>, authority: Authority) -> u32 {
    match authority {
        Authority::Cluster => renderer.facts.generations.cluster_certificate,
        Authority::Clients => renderer.facts.generations.clients_certificate,
    }
}

/// Renewing an authority needs a rolling change of trust, which is not planned yet: say so in time.
fn note_expiry(
    view: &View<'_>,
    secret: &str,
    certificate: &Certificate,
    settings: &CaSettings,
    draft: &mut Draft,
) {
    if ends_within(view, certificate, settings.renewal_days) {
        draft.notes.push(Note {
            reason: "CaCertificateExpiring".to_owned(),
            message: format!(
                "the certificate in Secret {secret} ends on {}; this version does not renew authorities yet",
                day(certificate)
            ),
        });
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
fn going(view: &View<'_>, name: &str) -> Option<Wait> {
    let secret = view.secrets.get(name)?;
    view.is_going(&secret.meta).then(|| Wait::Objects {
        missing: vec![format!("a new Secret/{name}")],
    })
}

fn is_secret(name: &str, secret: &Secret) -> Guard {
    Guard::Is {
        object: ObjectKey::new("Secret", name),
        uid: secret.meta.uid.clone(),
    }
}

fn ends_within(view: &View<'_>, certificate: &Certificate, days: u32) -> bool {
    let left = certificate.not_after.as_second() - view.now().as_second();
    left < i64::from(days) * DAY_SECONDS
}

fn day(certificate: &Certificate) -> String {
    certificate.not_after.strftime("%Y-%m-%d").to_string()
}

fn with_newline(pem: &str) -> String {
    format!("{}\n", pem.trim_end())
}
