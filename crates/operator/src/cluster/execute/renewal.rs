//! A new certificate for the key that an authority has.
//!
//! Invariants: one conditional write; name and key stay, so that everything it signed stays valid; the password of its
//! trust store stays, so that clients which were told it go on.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use planner::action::AuthorityRenewal;
use planner::{Step, StepEnd};

use super::super::Subject;
use super::draw::draw_password;
use super::expected_of;
use super::secrets::read_entry;
use crate::apply::{CLUSTER_MANAGER, Expected};
use crate::certificates::{Validity, authority, inspect, pkcs12};
use crate::error::Error;
use crate::kinds;

/// Replaces the certificate in the Secret.
pub(super) async fn renew(
    subject: &Subject<'_>,
    step: &Step,
    renewal: &AuthorityRenewal,
) -> Result<StepEnd, Error> {
    let AuthorityRenewal {
        authority,
        common_name,
        validity_days,
        annotations,
    } = renewal;
    let key_name = format!("{}-{}-ca", subject.name(), authority.as_str());
    let name = format!("{key_name}-cert");
    let label = format!("Secret {name}");
    let api: Api<Secret> = Api::namespaced(subject.hands.client.clone(), subject.namespace());
    let found = api
        .get_opt(&name)
        .await
        .map_err(|source| Error::kubernetes("read", &label, source))?;
    let Some(mut secret) = found.filter(|found| is_expected(step, &name, found)) else {
        return Ok(StepEnd::Refused {
            found: format!("{label} changed"),
        });
    };
    let key = read_entry(subject, &key_name, "ca.key").await?;
    let validity = Validity::days_from(subject.hands.clock.now(), *validity_days);
    let certificate = authority::self_sign(common_name, &key, validity)?;
    let mut data = secret.data.take().unwrap_or_default();
    let text = |key: &str| {
        data.get(key)
            .and_then(|ByteString(bytes)| std::str::from_utf8(bytes).ok())
            .map(str::to_owned)
    };
    let former = text("ca.crt").unwrap_or_default();
    if !stands_for(&certificate, &former)? {
        return Ok(StepEnd::Refused {
            found: format!(
                "{label}: a new certificate would have another name or key than the former"
            ),
        });
    }
    let password = text("ca.password").unwrap_or_else(draw_password);
    let store = pkcs12::truststore(&[("ca.crt", &certificate)], &password)?;
    for (key, value) in [
        ("ca.crt", certificate.into_bytes()),
        ("ca.p12", store),
        ("ca.password", password.into_bytes()),
    ] {
        data.insert(key.to_owned(), ByteString(value));
    }
    secret.data = Some(data);
    let own = secret.metadata.annotations.get_or_insert_default();
    for (annotation, value) in annotations {
        match value {
            Some(value) => drop(own.insert(annotation.clone(), value.clone())),
            None => drop(own.remove(annotation)),
        }
    }
    // The resourceVersion that was read travels along: another write in between makes this one fail.
    let parameters = PostParams {
        field_manager: Some(CLUSTER_MANAGER.to_owned()),
        ..PostParams::default()
    };
    api.replace(&name, &parameters, &secret)
        .await
        .map(|_| StepEnd::Done)
        .map_err(|source| Error::kubernetes("replace", &label, source))
}

fn is_expected(step: &Step, name: &str, found: &Secret) -> bool {
    let (uid, version) = (&found.metadata.uid, &found.metadata.resource_version);
    match expected_of(step, kinds::SECRET, name) {
        Expected::Version {
            uid: expected,
            resource_version,
        } => uid.as_ref() == Some(&expected) && version.as_ref() == Some(&resource_version),
        Expected::Any | Expected::Absent | Expected::Uid(_) => false,
    }
}

/// Whether what the former certificate signed is valid under the new one.
fn stands_for(new: &str, former: &str) -> Result<bool, Error> {
    let (new, former) = (
        inspect::read_certificates("the new certificate", new)?,
        inspect::read_certificates("the former certificate", former)?,
    );
    Ok(new
        .first()
        .zip(former.first())
        .is_some_and(|(new, former)| {
            new.subject_der == former.subject_der && new.public_key_der == former.public_key_der
        }))
}
