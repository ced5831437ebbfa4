//! Tokens of service accounts for projected volumes, where the API server makes them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};

/// Kubernetes' own default, one hour.
const DEFAULT_SECONDS: i64 = 3600;
/// Between two tries to get a token.
const AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// How long the API server may take.
const ANSWER_BOUND: std::time::Duration = std::time::Duration::from_secs(5);

/// The tokens of one Pod.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    held: BTreeMap<(String, String), Token>,
    /// When those that could not be had are asked for again; `None` before the first time.
    again: Option<Timestamp>,
}

struct Token {
    text: String,
    renew_at: Timestamp,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("renew_at", &self.renew_at)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// The token for a path in a volume, if there is one.
    pub(crate) fn get(&self, volume: &str, path: &str) -> Option<String> {
        self.held
            .get(&(volume.to_owned(), path.to_owned()))
            .map(|token| token.text.clone())
    }

    /// When the next token must be renewed.
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
        self.held.values().map(|token| token.renew_at).min()
    }

    /// Asks for the tokens that are missing or old; for those it did not get, again after a while.
    pub(crate) async fn refresh(&mut self, client: &Client, pod: &Pod, now: Timestamp) {
        let due =
            self.again.is_none_or(|at| at <= now) || self.renew_at().is_some_and(|at| at <= now);
        let (Some(spec), Some(namespace)) = (&pod.spec, &pod.metadata.namespace) else {
            return;
        };
        if !due {
            return;
        }
        // An API server that makes no tokens is asked as rarely as one that is unwell: it may be another tomorrow.
        self.again = Some(now + AGAIN);
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        for volume in spec.volumes.iter().flatten() {
            for source in volume
                .projected
                .iter()
                .flat_map(|projected| projected.sources.iter().flatten())
            {
                let Some(wanted) = &source.service_account_token else {
                    continue;
                };
                let key = (volume.name.clone(), wanted.path.clone());
                if self
                    .held
                    .get(&key)
                    .is_some_and(|token| token.renew_at > now)
                {
                    continue;
                }
                let seconds = wanted.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
                let request = TokenRequest {
                    spec: Some(TokenRequestSpec {
                        audiences: wanted.audience.clone().map(|audience| vec![audience]),
                        expiration_seconds: Some(seconds),
                        bound_object_ref: Some(BoundObjectReference {
                            api_version: Some("v1".to_owned()),
                            kind: Some("Pod".to_owned()),
                            name: pod.metadata.name.clone(),
                            uid: pod.metadata.uid.clone(),
                        }),
                        ..TokenRequestSpec::default()
                    }),
                    ..TokenRequest::default()
                };
                let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
                let parameters = PostParams::default();
                let asked = api.create_subresource("token", account, &parameters, &request);
                let answer: Result<TokenRequest, String> =
                    match tokio::time::timeout(ANSWER_BOUND, asked).await {
                        Ok(answer) => answer.map_err(|error| error.to_string()),
                        Err(_) => Err("no answer in time".to_owned()),
                    };
                if let Err(error) = &answer {
                    tracing::warn!(%namespace, account, %error, "no token for the service account; asking again");
                }
                if let Some(text) = answer
                    .ok()
                    .and_then(|answer| answer.status)
                    .and_then(|status| status.token)
                {
                    // As the kubelet does: anew when four fifths of its life are over.
                    let renew_at = now + SignedDuration::from_secs(seconds * 4 / 5);
                    self.held.insert(key, Token { text, renew_at });
                }
            }
        }
    }
}
