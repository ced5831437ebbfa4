//! The server's state, and the way of a request through it: path → resource → verb → answer.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio_util::sync::CancellationToken;

use crate::addresses::Reservations;
use crate::answer::{self, Shape};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::request::{Path, Query, Target, target};
use crate::resource::{CRD_GROUP, Registry, Resource};
use crate::settings::Settings;
use crate::store::{Change, CommitError, Expect, Key, Record, Store};
use crate::{body, discovery, openapi, verbs};

/// Everything a request needs; shared by all.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
    pub(crate) identity: Identity,
    pub(crate) reservations: Reservations,
    /// How kubelets are spoken to, once somebody wanted to.
    pub(crate) kubelet_tls: Mutex<Option<Arc<rustls::ClientConfig>>>,
    registry: RwLock<Arc<Registry>>,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    /// The owner of the machine: in process, or with the token of the kubeconfig.
    pub(crate) fn admin() -> Self {
        Self {
            name: "klamm:admin".to_owned(),
            groups: vec![
                "system:masters".to_owned(),
                "system:authenticated".to_owned(),
            ],
        }
    }

    /// Nobody in particular.
    pub(crate) fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }
}

/// A request to a resource, taken apart.
pub(crate) struct Call {
    pub(crate) resource: Arc<Resource>,
    pub(crate) path: Path,
    pub(crate) query: Query,
    pub(crate) shape: Shape,
    pub(crate) content_type: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) user: User,
    /// What Kubernetes calls the parameters of this method together, e.g. `PatchOptions`.
    pub(crate) options: &'static str,
}

impl Call {
    /// The namespace in the path, or nothing.
    pub(crate) fn namespace(&self) -> &str {
        self.path.namespace.as_deref().unwrap_or_default()
    }

    /// The name in the path, or nothing.
    pub(crate) fn name(&self) -> &str {
        self.path.name.as_deref().unwrap_or_default()
    }

    /// Where the object is stored.
    pub(crate) fn key(&self) -> Key {
        self.resource.key(self.namespace(), self.name())
    }

    /// Who writes, as managedFields name them.
    pub(crate) fn manager(&self) -> Result<String, Failure> {
        crate::request::field_manager(&self.query, self.user_agent.as_deref(), self.options)
    }

    pub(crate) fn not_found(&self) -> Failure {
        Failure::not_found(&self.resource.group, &self.resource.plural, self.name())
    }

    pub(crate) fn stale(&self) -> Failure {
        Failure::stale(&self.resource.group, &self.resource.plural, self.name())
    }
}

impl Server {
    /// A server on a store.
    pub(crate) fn new(store: Store, settings: Settings, identity: Identity) -> Self {
        let registry = RwLock::new(Arc::new(Registry::load(&store, None)));
        let (clock, stop) = (settings.clock, CancellationToken::new());
        Self {
            store,
            settings,
            clock,
            stop,
            identity,
            reservations: Reservations::default(),
            kubelet_tls: Mutex::default(),
            registry,
        }
    }

    /// The resources there are now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Commit, and if it was a definition, serve what it now defines.
    pub(crate) async fn commit(
        &self,
        key: Key,
        expect: Expect,
        change: Change,
    ) -> Result<Record, CommitError> {
        let defines = key.parts().0 == CRD_GROUP;
        let record = self.store.commit(key, expect, change).await?;
        if defines {
            let mut registry = self
                .registry
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *registry = Arc::new(Registry::load(&self.store, Some(&registry)));
        }
        Ok(record)
    }

    /// Answer a request.
    pub(crate) async fn answer(self: Arc<Self>, user: User, request: Request) -> Response {
        let failed = |failure: Failure| answer::failure_response(&failure);
        let target = target(request.uri().path());
        match target {
            Target::Resource(path) => self
                .answer_resource(user, path, request)
                .await
                .unwrap_or_else(failed),
            _ if request.method() != Method::GET && request.method() != Method::HEAD => {
                failed(Failure::method_not_allowed())
            }
            Target::CoreVersions => discovery::core_versions(&self, request.headers()),
            Target::Groups => discovery::groups(&self, request.headers()),
            Target::Group(group) => discovery::group(&self, &group).unwrap_or_else(failed),
            Target::GroupVersion(group, version) => {
                discovery::group_version(&self, &group, &version).unwrap_or_else(failed)
            }
            Target::Plain(parts) => {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.answer_plain(&parts, &request).unwrap_or_else(failed)
            }
        }
    }

    fn answer_plain(&self, parts: &[&str], request: &Request) -> Result<Response, Failure> {
        match parts {
            [] => Ok(discovery::paths(self)),
            ["version"] => Ok(discovery::version()),
            ["healthz" | "livez" | "readyz", ..] => Ok(discovery::health()),
            ["openapi", "v2"] => Ok(openapi::v2(request.headers())),
            ["openapi", "v3"] => Ok(openapi::index(self)),
            ["openapi", "v3", rest @ ..] => openapi::document(self, rest, request),
            _ => Err(Failure::no_such_path()),
        }
    }

    async fn answer_resource(
        self: Arc<Self>,
        user: User,
        path: Path,
        request: Request,
    ) -> Result<Response, Failure> {
        let registry = self.registry();
        let Some(resource) = registry.find(&path.group, &path.version, &path.plural) else {
            return if registry
                .of_version(&path.group, &path.version)
                .next()
                .is_some()
            {
                Err(Failure::no_such_path())
            } else {
                Ok(answer::page_not_found())
            };
        };
        drop(registry);
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let streams = matches!(
            path.subresource.as_deref(),
            Some("log" | "exec" | "attach" | "portforward")
        );
        let accept = header_text(&request, &header::ACCEPT);
        let shape = if streams {
            Shape::Whole
        } else {
            answer::shape(accept.as_deref(), query.get("includeObject"))?
        };
        let call = Call {
            content_type: header_text(&request, &header::CONTENT_TYPE).unwrap_or_default(),
            user_agent: header_text(&request, &header::USER_AGENT),
            resource,
            path,
            query,
            shape,
            user,
            options: options_of(request.method()),
        };
        check_scope(&call)?;
        let deprecation = call.resource.deprecation.clone();
        let response = if streams {
            verbs::stream::connect(&self, &call, request).await?
        } else {
            let method = request.method().clone();
            let body = read_body(request).await?;
            self.act(&method, call, body).await?
        };
        Ok(match deprecation {
            Some(warning) => answer::with_warnings(response, &[warning]),
            None => response,
        })
    }

    async fn act(
        self: Arc<Self>,
        method: &Method,
        call: Call,
        body: Bytes,
    ) -> Result<Response, Failure> {
        let sub = call.path.subresource.clone();
        let named = call.path.name.is_some();
        if !call.resource.stored {
            return verbs::review::answer(&self, method, &call, &body).await;
        }
        match (method, named, sub.as_deref()) {
            (&Method::GET | &Method::HEAD, false, None) if call.query.flag("watch") => {
                verbs::read::watch(&self, &call)
            }
            (&Method::GET | &Method::HEAD, false, None) => verbs::read::list(&self, &call),
            (&Method::GET | &Method::HEAD, true, None) => verbs::read::get(&self, &call),
            (&Method::POST, false, None) => verbs::create::create(&self, &call, &body).await,
            (&Method::PUT, true, None) => {
                verbs::update::update(&self, &call, &body, verbs::update::Part::Main).await
            }
            (&Method::PATCH, true, None) => {
                verbs::update::patch(&self, &call, &body, verbs::update::Part::Main).await
            }
            (&Method::DELETE, true, None) => verbs::delete::delete(&self, &call, &body).await,
            (&Method::DELETE, false, None) => {
                verbs::delete::delete_collection(&self, &call, &body).await
            }
            (_, true, Some(sub)) => {
                verbs::subresource::answer(&self, method, &call, sub, &body).await
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }
}

fn header_text(request: &Request, name: &header::HeaderName) -> Option<String> {
    request
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

fn options_of(method: &Method) -> &'static str {
    match *method {
        Method::PUT => "UpdateOptions",
        Method::PATCH => "PatchOptions",
        Method::DELETE => "DeleteOptions",
        _ => "CreateOptions",
    }
}

/// A namespaced object is reached through its namespace, a cluster-wide one is not.
fn check_scope(call: &Call) -> Result<(), Failure> {
    match (&call.path.namespace, &call.path.name) {
        (Some(_), _) if !call.resource.namespaced => Err(Failure::no_such_path()),
        (None, Some(_)) if call.resource.namespaced => Err(Failure::no_such_path()),
        _ => Ok(()),
    }
}

async fn read_body(request: Request) -> Result<Bytes, Failure> {
    let limited = Limited::new(request.into_body(), body::LIMIT_BYTES);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(Failure::too_large(body::LIMIT_BYTES))
        }
        Err(error) => Err(Failure::bad_request(format!(
            "cannot read the body: {error}"
        ))),
    }
}

/// A stream that ends when the client goes away.
pub(crate) fn streaming(body: Body) -> Response {
    answer::json_response(StatusCode::OK, body)
}

/// Seconds from a query, if given.
pub(crate) fn seconds(query: &Query, key: &str) -> Result<Option<Duration>, Failure> {
    Ok(query
        .number(key)?
        .filter(|&s| s > 0)
        .map(Duration::from_secs))
}
