//! The two certificate authorities: made where they are missing, renewed with the key they have.
//!
//! A new certificate for the same key and name leaves everything valid that the old one signed, and everything that
//! trusts the old one goes on trusting: so nodes need no restart for it. Replacing a key does need rolling restarts and
//! is not planned yet: it is told, never begun.
//!
//! Invariants: a key that exists is never replaced by a key of ours; no authority is made anew under nodes that serve.

use std::collections::BTreeMap;

use manifests::secret;
use manifests::to_value;
use model::desired::{CaSettings, OnExpiry};
use model::observed::object::ObjectKey;
use model::observed::secret::{Certificate, Secret};

use crate::action::{Action, Authority, AuthorityRenewal, AuthorityRequest};
use crate::cluster::certificates::{day, ends_within, going, is_secret};
use crate::cluster::draft::{Draft, NewStep, absent};
use crate::cluster::node::NodeView;
use crate::cluster::render::Renderer;
use crate::cluster::view::View;
use crate::guard::Guard;
use crate::note::Note;
use crate::plan::{PhaseName, StepState, Verb};
use crate::problem::Problem;
use crate::reason::Reason;

/// Annotation on the Secret of an authority's certificate: renew it.
const FORCE_RENEW: &str = "strimzi.io/force-renew";
/// Annotation on the Secret of an authority's key: replace it.
const FORCE_REPLACE: &str = "strimzi.io/force-replace";

/// Plans an authority; returns its certificate once it can sign.
pub(super) fn plan<'a>(
    view: &View<'a>,
    renderer: &Renderer<'_>,
    authority: Authority,
    nodes: &[NodeView<'_>],
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
    let settings = match authority {
        Authority::Cluster => &renderer.cluster.cluster_ca,
        Authority::Clients => &renderer.cluster.clients_ca,
    };
    let key = view
        .secret(&key_name)
        .filter(|s| s.keys.contains_key(secret::CA_KEY));
    let seen = view.secret(&certificate_name);
    let certificate = seen.and_then(|s| s.certificates.get(secret::CA_CERTIFICATE));
    let in_use = nodes.iter().any(NodeView::in_use);
    match (key, seen.zip(certificate)) {
        (Some(key), Some((seen, certificate))) => {
            let present = Present {
                authority,
                name: &certificate_name,
                key,
                seen,
                certificate,
                settings,
            };
            let renewed = present.renew(view, renderer, draft);
            (!renewed).then_some(certificate)
        }
        // The clients CA only needs a key where somebody signs with it; its certificate is what is trusted.
        (None, Some((_, certificate))) if !settings.generate && authority == Authority::Clients => {
            Some(certificate)
        }
        (key, found) if !settings.generate || found.is_some() || (key.is_none() && in_use) => {
            let (secret, key) = match (key, found) {
                (None, _) => (key_name, secret::CA_KEY),
                (Some(_), _) => (certificate_name, secret::CA_CERTIFICATE),
            };
            draft.problems.push(Problem::AuthorityMissing {
                gone: view.secret(&secret).is_none(),
                secret,
                key: key.to_owned(),
                brought: !settings.generate,
            });
            None
        }
        (key, _) => {
            push_issue(
                renderer,
                authority,
                key,
                (key_name, certificate_name),
                draft,
            );
            None
        }
    }
}

fn push_issue(
    renderer: &Renderer<'_>,
    authority: Authority,
    key: Option<&Secret>,
    (key_name, certificate_name): (String, String),
    draft: &mut Draft,
) {
    let word = authority.as_str();
    let generations = renderer.facts.generations;
    let (which, settings, generation) = match authority {
        Authority::Cluster => (
            secret::Authority::Cluster,
            &renderer.cluster.cluster_ca,
            generations.cluster_key,
        ),
        Authority::Clients => (
            secret::Authority::Clients,
            &renderer.cluster.clients_ca,
            generations.clients_key,
        ),
    };
    let input = renderer.input();
    let request = AuthorityRequest {
        authority,
        key_secret: to_value(&secret::authority_key(&input, which)),
        draw_key: key.is_none(),
        certificate_secret: to_value(&secret::authority_certificate(&input, which)),
        common_name: format!("{word}-ca v{generation}"),
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
}

/// An authority that is there.
struct Present<'a> {
    authority: Authority,
    /// Name of the certificate's Secret.
    name: &'a str,
    /// The key's Secret.
    key: &'a Secret,
    /// The certificate's Secret.
    seen: &'a Secret,
    certificate: &'a Certificate,
    settings: &'a CaSettings,
}

impl Present<'_> {
    /// Plans a new certificate where it is time or somebody asks; whether it did.
    fn renew(&self, view: &View<'_>, renderer: &Renderer<'_>, draft: &mut Draft) -> bool {
        let asks = |secret: &Secret, annotation: &str| {
            secret.meta.annotations.get(annotation).map(String::as_str) == Some("true")
        };
        let renew = asks(self.seen, FORCE_RENEW);
        let due = ends_within(view, self.certificate, self.settings.renewal_days);
        let mut note = |reason: &str, message: String| {
            draft.notes.push(Note {
                reason: reason.to_owned(),
                message,
            });
        };
        let word = self.authority.as_str();
        if asks(self.key, FORCE_REPLACE) {
            note(
                "CaKeyNotReplaced",
                format!(
                    "{FORCE_REPLACE} asks for a new key of the {word} CA: that needs every node to restart three times, which \
                     this version does not do yet; nothing was changed"
                ),
            );
        }
        if !self.settings.generate {
            if due {
                note(
                    "CaCertificateExpiring",
                    format!(
                        "the certificate in Secret {} ends on {}; generateCertificateAuthority is false, so you renew it",
                        self.name,
                        day(self.certificate)
                    ),
                );
            }
            return false;
        }
        if due && !renew && self.settings.on_expiry == OnExpiry::ReplaceKey {
            note(
                "CaCertificateExpiring",
                format!(
                    "the certificate in Secret {} ends on {}; certificateExpirationPolicy is replace-key, which needs \
                     restarts that this version does not do yet: annotate that Secret with {FORCE_RENEW}=true for a new \
                     certificate with the present key",
                    self.name,
                    day(self.certificate)
                ),
            );
            return false;
        }
        if !renew && !due {
            return false;
        }
        let reason = if renew {
            let annotation = FORCE_RENEW.to_owned();
            Reason::Asked { annotation }
        } else {
            let day = day(self.certificate);
            Reason::Expiring { day }
        };
        let generations = renderer.facts.generations;
        let generation = match self.authority {
            Authority::Cluster => generations.cluster_certificate,
            Authority::Clients => generations.clients_certificate,
        };
        let next = generation.saturating_add(1).to_string();
        let annotations = BTreeMap::from([
            (secret::CA_CERTIFICATE_GENERATION.to_owned(), Some(next)),
            (FORCE_RENEW.to_owned(), None),
        ]);
        let object = ObjectKey::new("Secret", self.name);
        draft.push(NewStep {
            phase: PhaseName::Certificates,
            verb: Verb::Issue,
            subject: format!("{word} CA"),
            reason,
            action: Some(Action::RenewAuthority(AuthorityRenewal {
                authority: self.authority,
                common_name: common_name(&self.certificate.subject),
                validity_days: self.settings.validity_days,
                annotations,
            })),
            guards: vec![Guard::Unchanged {
                object,
                uid: self.seen.meta.uid.clone(),
                resource_version: self.seen.meta.resource_version.clone(),
            }],
            state: StepState::Ready,
        });
        true
    }
}

/// `CN` of a subject in RFC 4514 form.
fn common_name(subject: &str) -> String {
    let mut parts = subject.split([',', '+']).map(str::trim);
    let name = parts.find_map(|part| part.strip_prefix("CN="));
    name.unwrap_or(subject).to_owned()
}

/// The Secret of the cluster CA's certificate, where nodes that serve have certificates which it did not sign.
///
/// Its key was replaced under a running cluster. Nodes that switched one by one would no longer find each other.
pub(super) fn replaced(
    view: &View<'_>,
    ca: &Certificate,
    nodes: &[NodeView<'_>],
) -> Option<Problem> {
    let strangers = nodes.iter().filter(|node| {
        let secret = view.secret(&node.pod_name);
        let certificate =
            secret.and_then(|s| s.certificates.get(&format!("{}.crt", node.pod_name)));
        node.in_use()
            && certificate.is_some_and(|certificate| {
                certificate.signed_by.as_deref() != Some(ca.fingerprint.as_str())
                    && certificate.not_after > view.now()
            })
    });
    let nodes: Vec<i32> = strangers.map(|node| node.id).collect();
    (!nodes.is_empty()).then(|| Problem::AuthorityReplaced {
        secret: format!("{}-cluster-ca-cert", view.kafka().name),
        nodes,
    })
}
