//! Reviews: who am I, may I, whose token is this. Tokens of service accounts are signed here.
//!
//! Everybody who is known may do everything: the server listens on loopback only and belongs to one user.

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock::seconds;
use crate::failure::Failure;
use crate::server::{Call, Server, User};
use crate::{answer, body, metadata};

const DEFAULT_TOKEN_SECONDS: i64 = 3_600;
const AUDIENCE: &str = "https://kubernetes.default.svc";

/// Answer a review.
pub(crate) async fn answer(
    server: &Server,
    method: &Method,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let resource = &call.resource;
    if *method != Method::POST || call.path.name.is_some() {
        return Err(Failure::method_not_allowed());
    }
    let mut review = body::parse(&call.content_type, bytes)?.value;
    metadata::check_type(&server.registry(), resource, &mut review)?;
    if resource.is_core("bindings") {
        let pod = review["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let pods = server
            .registry()
            .find("", "v1", "pods")
            .ok_or_else(Failure::no_such_path)?;
        let mut call = super::delete::one_of(call, call.namespace(), &pod);
        call.path.namespace = Some(metadata::namespace(&review).to_owned())
            .filter(|n| !n.is_empty())
            .or(call.path.namespace);
        call.resource = pods;
        return super::subresource::answer(server, method, &call, "binding", bytes).await;
    }
    let user = &call.user;
    let status = match resource.plural.as_str() {
        "selfsubjectreviews" => json!({"userInfo": user_info(user)}),
        "tokenreviews" => {
            review_token(server, review["spec"]["token"].as_str().unwrap_or_default())
        }
        "selfsubjectrulesreviews" => json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }),
        _ => json!({"allowed": true, "reason": "everybody who is known may do everything here"}),
    };
    review["status"] = status;
    Ok(answer::value_response(StatusCode::CREATED, &review))
}

fn user_info(user: &User) -> Value {
    json!({"username": user.name, "groups": user.groups})
}

fn review_token(server: &Server, token: &str) -> Value {
    match user_of(server, token) {
        Some(user) => {
            json!({"authenticated": true, "user": user_info(&user), "audiences": [AUDIENCE]})
        }
        None => {
            json!({"authenticated": false, "user": {}, "error": "the token is unknown or has expired"})
        }
    }
}

/// Whose token this is.
pub(crate) fn user_of(server: &Server, token: &str) -> Option<User> {
    if same(token, &server.identity.token) {
        return Some(User::admin());
    }
    let (signed, signature) = token.rsplit_once('.')?;
    if !same(signature, &sign(server, signed)) {
        return None;
    }
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?).ok()?;
    if claims["exp"].as_i64()? <= server.clock.now().as_second() {
        return None;
    }
    let subject = claims["sub"].as_str()?;
    let mut parts = subject
        .strip_prefix("system:serviceaccount:")?
        .splitn(2, ':');
    let (namespace, name) = (parts.next()?, parts.next()?);
    let key = crate::store::Key::new("", "serviceaccounts", namespace, name);
    let account: Value = serde_json::from_slice(&server.store.get(&key)?.json).ok()?;
    if claims["uid"] != account["metadata"]["uid"] {
        return None;
    }
    Some(User {
        name: subject.to_owned(),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ],
    })
}

/// Compares without telling by its duration where the texts differ.
fn same(given: &str, wanted: &str) -> bool {
    Sha256::digest(given.as_bytes()) == Sha256::digest(wanted.as_bytes())
}

/// A keyed digest; the key is on both sides of the text, so that it cannot be lengthened.
fn sign(server: &Server, text: &str) -> String {
    let key = &server.identity.signing_key;
    let inner = Sha256::digest(format!("{key}|inner|{text}").as_bytes());
    let outer = Sha256::digest(format!("{key}|outer|{}", hex::encode(inner)).as_bytes());
    URL_SAFE_NO_PAD.encode(outer)
}

/// `serviceaccounts/token`: a token of that account.
pub(crate) fn request_token(
    server: &Server,
    call: &Call,
    bytes: &[u8],
) -> Result<Response, Failure> {
    let record = server
        .store
        .get(&call.key())
        .ok_or_else(|| call.not_found())?;
    let account = answer::at_version(&call.resource, &record)?;
    let mut request = body::parse(&call.content_type, bytes)?.value;
    if !request.is_object() || !(request["spec"].is_object() || request["spec"].is_null()) {
        return Err(Failure::bad_request(
            "the object provided is no TokenRequest",
        ));
    }
    let lifetime = request["spec"]["expirationSeconds"]
        .as_i64()
        .unwrap_or(DEFAULT_TOKEN_SECONDS)
        .max(600);
    let now = server.clock.now();
    let end = now
        .checked_add(jiff::SignedDuration::from_secs(lifetime))
        .unwrap_or(now);
    let audiences = match request["spec"]["audiences"].as_array() {
        Some(list) if !list.is_empty() => list.clone(),
        _ => vec![AUDIENCE.into()],
    };
    let claims = json!({
        "aud": audiences,
        "exp": end.as_second(),
        "iat": now.as_second(),
        "iss": AUDIENCE,
        "sub": format!("system:serviceaccount:{}:{}", call.namespace(), call.name()),
        "uid": metadata::uid(&account),
    });
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "klamm", "typ": "JWT"}).to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let token = format!("{signed}.{}", sign(server, &signed));
    request["kind"] = "TokenRequest".into();
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["metadata"] = json!({"name": call.name(), "namespace": call.namespace()});
    request["spec"]["audiences"] = audiences.into();
    request["spec"]["expirationSeconds"] = lifetime.into();
    request["status"] = json!({"token": token, "expirationTimestamp": seconds(end)});
    Ok(answer::value_response(StatusCode::CREATED, &request))
}
