//! Secrets with values that are made here: authorities, certificates, passwords.
//!
//! Invariants: an authority's key is created, never replaced; its certificate is signed with the key as it was read back,
//! so that of two operators both end up with one pair; values never leave this file but into their Secret.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use planner::action::{AuthorityRequest, CertificateRequest};
use planner::{Step, StepEnd};
use serde_json::{Value, json};

use super::super::Subject;
use super::draw::draw_password;
use super::{end_of, expected_of, identify};
use crate::apply::{self, Written};
use crate::certificates::{Authority, LeafRequest, Validity, authority, leaf, pkcs12};
use crate::error::Error;
use crate::kinds;

/// Creates what is missing of an authority: key Secret first, then certificate Secret.
pub(super) async fn issue_authority(
    subject: &Subject<'_>,
    request: &AuthorityRequest,
) -> Result<StepEnd, Error> {
    let AuthorityRequest {
        authority: _,
        key_secret,
        draw_key,
        certificate_secret,
        common_name,
        validity_days,
    } = request;
    if *draw_key {
        let key = authority::draw_key()?;
        let secret = with_data(key_secret, [("ca.key", key.into_bytes())]);
        match apply::create(
            &subject.hands.client,
            kinds::SECRET,
            subject.namespace(),
            &secret,
        )
        .await?
        {
            Written::Yes(_) | Written::Unchanged => {}
            // Somebody was faster: the next look finds the key and asks for its certificate.
            Written::Refused(found) => return Ok(StepEnd::Refused { found }),
        }
    }
    let (_, key_name) = identify(key_secret)?;
    let key = read_entry(subject, &key_name, "ca.key").await?;
    let validity = Validity::days_from(subject.hands.clock.now(), *validity_days);
    let certificate = authority::self_sign(common_name, &key, validity)?;
    let password = draw_password();
    let store = pkcs12::truststore(&[("ca.crt", &certificate)], &password)?;
    let secret = with_data(
        certificate_secret,
        [
            ("ca.crt", certificate.into_bytes()),
            ("ca.p12", store),
            ("ca.password", password.into_bytes()),
        ],
    );
    apply::create(
        &subject.hands.client,
        kinds::SECRET,
        subject.namespace(),
        &secret,
    )
    .await
    .map(end_of)
}

/// Signs a certificate with a fresh key and writes its Secret.
pub(super) async fn issue_certificate(
    subject: &Subject<'_>,
    step: &Step,
    request: &CertificateRequest,
) -> Result<StepEnd, Error> {
    let CertificateRequest {
        authority,
        secret,
        entry,
        common_name,
        dns_names,
        addresses,
        validity_days,
    } = request;
    let base = format!("{}-{}-ca", subject.name(), authority.as_str());
    let key = read_entry(subject, &base, "ca.key").await?;
    let certificates = read_entry(subject, &format!("{base}-cert"), "ca.crt").await?;
    let authority = Authority::read(&base, &certificates, &key)?;
    let request = LeafRequest {
        common_name: common_name.clone(),
        dns: dns_names.clone(),
        addresses: addresses
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect(),
        validity: Validity::days_from(subject.hands.clock.now(), *validity_days),
    };
    let leaf = leaf::issue(&authority, &request)?;
    let secret = with_data(
        secret,
        [
            (&*format!("{entry}.crt"), leaf.chain.into_bytes()),
            (&*format!("{entry}.key"), leaf.key.into_bytes()),
        ],
    );
    let (kind, name) = identify(&secret)?;
    let expected = expected_of(step, kind, &name);
    apply::apply(
        &subject.hands.client,
        kind,
        subject.namespace(),
        &secret,
        &expected,
    )
    .await
    .map(end_of)
}

/// Creates a Secret with drawn passwords.
pub(super) async fn draw_secret(
    subject: &Subject<'_>,
    secret: &Value,
    fixed: &BTreeMap<String, String>,
    drawn: &BTreeSet<String>,
) -> Result<StepEnd, Error> {
    let fixed = fixed
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone().into_bytes()));
    let drawn = drawn
        .iter()
        .map(|key| (key.as_str(), draw_password().into_bytes()));
    let secret = with_data(secret, fixed.chain(drawn));
    apply::create(
        &subject.hands.client,
        kinds::SECRET,
        subject.namespace(),
        &secret,
    )
    .await
    .map(end_of)
}

fn with_data<'a>(secret: &Value, entries: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Value {
    let mut secret = secret.clone();
    let data: BTreeMap<&str, String> = entries
        .into_iter()
        .map(|(key, value)| (key, STANDARD.encode(value)))
        .collect();
    secret["data"] = json!(data);
    secret
}

/// One entry of a Secret as text, read afresh.
pub(super) async fn read_entry(
    subject: &Subject<'_>,
    secret: &str,
    entry: &str,
) -> Result<String, Error> {
    let label = format!("Secret {secret}");
    let api: Api<Secret> = Api::namespaced(subject.hands.client.clone(), subject.namespace());
    let found = api
        .get(secret)
        .await
        .map_err(|source| Error::kubernetes("read", &label, source))?;
    found
        .data
        .unwrap_or_default()
        .remove(entry)
        .and_then(|ByteString(bytes)| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::SecretEntry {
            secret: secret.to_owned(),
            entry: entry.to_owned(),
        })
}
