//! Who asks, and whether they may: as a kubelet with webhook authorisation, the API server is asked.
//!
//! A certificate only says who somebody is: with the cluster's own CA as `client_ca`, every kubelet and every user with
//! a certificate has one, and exec is a shell.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use rustls::pki_types::CertificateDer;

use crate::context::Context;

/// Who a certificate says that the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    name: String,
    groups: Vec<String>,
}

impl Caller {
    /// Of a certificate whose signature was checked. Source: Kubernetes' X.509 authentication: CN and O of the subject.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let subject = certificate.subject();
        let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            attribute.as_str().ok().map(str::to_owned)
        };
        Some(Self {
            name: subject.iter_common_name().find_map(text)?,
            groups: subject
                .iter_organization()
                .filter_map(text)
                .chain(["system:authenticated".to_owned()])
                .collect(),
        })
    }
}

/// Lets pass who may ask.
pub(super) async fn authorise(
    State(context): State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let bearer = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let has_token = context
        .settings
        .callers
        .bearer_token
        .as_deref()
        .zip(bearer)
        .is_some_and(|(wanted, given)| same(wanted, given));
    if has_token {
        return next.run(request).await;
    }
    let caller = request
        .extensions()
        .get::<Option<Caller>>()
        .cloned()
        .flatten();
    let Some(caller) = caller else {
        return (StatusCode::UNAUTHORIZED, "Unauthorized").into_response();
    };
    match may(
        &context,
        &caller,
        verb(request.method(), request.uri().path()),
    )
    .await
    {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            let text = format!(
                "{} may not use nodes/proxy of node {}",
                caller.name, context.settings.node_name
            );
            (StatusCode::FORBIDDEN, text).into_response()
        }
        Err(error) => {
            tracing::warn!(caller = caller.name, %error, "the API server does not say whether a caller may ask; \
                the node agent needs the right to create subjectaccessreviews (ClusterRole system:auth-delegator)");
            let text = "whether this is allowed could not be found out";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

/// The verb that is asked for. Source: the kubelet's attributes: verb by method, nodes/proxy.
///
/// But for what runs commands or reaches into Pods: a WebSocket begins with GET, and who may only read figures of a node
/// must not get a shell by it.
fn verb(method: &Method, path: &str) -> &'static str {
    let acts = ["/exec", "/attach", "/run", "/portForward"];
    let acts = acts.iter().any(|prefix| path.starts_with(prefix));
    match *method {
        _ if acts => "create",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "get",
    }
}

/// Whether the API server says that the caller may.
async fn may(context: &Context, caller: &Caller, verb: &str) -> Result<bool, kube::Error> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(caller.name.clone()),
            groups: Some(caller.groups.clone()),
            resource_attributes: Some(ResourceAttributes {
                verb: Some(verb.to_owned()),
                version: Some("v1".to_owned()),
                resource: Some("nodes".to_owned()),
                subresource: Some("proxy".to_owned()),
                name: Some(context.settings.node_name.clone()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(context.client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Compares without telling by its duration where the difference is.
fn same(wanted: &str, given: &str) -> bool {
    wanted.len() == given.len()
        && wanted
            .bytes()
            .zip(given.bytes())
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests;
