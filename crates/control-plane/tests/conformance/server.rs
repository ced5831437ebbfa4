//! The two servers, and what a case sees of one: a namespace of its own and plain HTTP.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use http::{Method, Request};
use kube::client::Body;
use libtest_mimic::Failed;
use reference_apiserver::{Options, Reference};
use serde_json::{Value, json};

/// A case: what must hold on both servers.
pub(crate) type CaseFn = fn(Context) -> Pin<Box<dyn Future<Output = ()>>>;

/// Lists the cases of a module: `cases![create_fills_in_metadata, …]`.
macro_rules! cases {
    ($($module:ident: $($case:ident),* $(,)?)?) => {
        pub(crate) const CASES: &[(&str, crate::server::CaseFn)] = &[
            $($((concat!(stringify!($module), "::", stringify!($case)), |context| Box::pin($case(context)))),*)?
        ];
    };
}
pub(crate) use cases;

/// How long a case waits for something that a server does on its own.
const EVENTUALLY: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Both servers, started when first needed.
pub(crate) struct Servers {
    runtime: tokio::runtime::Runtime,
    missing: Option<String>,
    real: OnceLock<Result<kube::Client, String>>,
    reference: Mutex<Option<Reference>>,
    ours: OnceLock<Result<kube::Client, String>>,
}

impl Servers {
    /// `only_list`: nothing will run, so nothing needs to be there.
    pub(crate) fn new(only_list: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let missing = if only_list {
            None
        } else {
            reference_apiserver::programs().err().map(|e| e.to_string())
        };
        Self {
            runtime,
            missing,
            real: OnceLock::new(),
            reference: Mutex::new(None),
            ours: OnceLock::new(),
        }
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// The real half cannot run, and need not.
    pub(crate) fn reference_is_missing(&self) -> bool {
        self.missing.is_some() && !reference_apiserver::is_required()
    }

    pub(crate) fn client(&self, real: bool) -> Result<kube::Client, Failed> {
        let client = if real {
            self.real.get_or_init(|| self.start_reference())
        } else {
            self.ours
                .get_or_init(|| self.runtime.block_on(crate::ours::start()))
        };
        client.clone().map_err(Failed::from)
    }

    fn start_reference(&self) -> Result<kube::Client, String> {
        if let Some(why) = &self.missing {
            return Err(why.clone());
        }
        // Only controllers whose work is part of the API's promises; others would write into what the cases look at.
        let controllers = "garbage-collector-controller,namespace-controller,serviceaccount-controller,disruption-controller,persistentvolumeclaim-protection-controller";
        let options = Options {
            controller_manager: true,
            controller_manager_arguments: vec![format!("--controllers={controllers}")],
            ..Options::default()
        };
        self.runtime.block_on(async {
            let reference = Reference::start(&options)
                .await
                .map_err(|e| e.to_string())?;
            let client = reference.client().map_err(|e| e.to_string())?;
            *self
                .reference
                .lock()
                .expect("nobody panics with the lock held") = Some(reference);
            Ok(client)
        })
    }

    /// Stops the reference.
    pub(crate) fn stop(&self) {
        drop(
            self.reference
                .lock()
                .expect("nobody panics with the lock held")
                .take(),
        );
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
    pub(crate) content_type: String,
}

impl Reply {
    /// The body, of a request that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.code),
            "{} {}",
            self.code,
            self.body
        );
        self.body
    }
}

/// One server, and a namespace that only this case uses.
pub(crate) struct Context {
    client: kube::Client,
    pub(crate) ns: String,
}

impl Context {
    pub(crate) async fn new(client: kube::Client, name: &str) -> Result<Self, Failed> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let word = name.rsplit("::").next().unwrap_or(name).replace('_', "-");
        let word = word
            .get(..word.len().min(40))
            .unwrap_or_default()
            .trim_matches('-')
            .to_owned();
        let ns = format!("{word}-x{}x", COUNT.fetch_add(1, Ordering::Relaxed));
        let context = Self { client, ns };
        let body =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": context.ns}});
        let reply = context.create("/api/v1/namespaces", &body).await;
        if reply.code != 201 {
            return Err(format!("no namespace: {} {}", reply.code, reply.body).into());
        }
        // Pods are refused until a controller has made it.
        context
            .eventually(&context.core("serviceaccounts/default"), |reply| {
                reply.code == 200
            })
            .await;
        Ok(context)
    }

    /// A word that no other case uses, for names outside the namespace.
    pub(crate) fn unique(&self) -> &str {
        &self.ns
    }

    /// `/api/v1/namespaces/<ns>/<rest>`.
    pub(crate) fn core(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.ns)
    }

    /// `/apis/<group>/namespaces/<ns>/<rest>`.
    pub(crate) fn group(&self, group: &str, rest: &str) -> String {
        format!("/apis/{group}/namespaces/{}/{rest}", self.ns)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn create(&self, path: &str, body: &Value) -> Reply {
        self.send(
            Method::POST,
            path,
            &[("content-type", "application/json")],
            Some(body.to_string()),
        )
        .await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(
            Method::PUT,
            path,
            &[("content-type", "application/json")],
            Some(body.to_string()),
        )
        .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], None).await
    }

    pub(crate) async fn delete_with(&self, path: &str, options: &Value) -> Reply {
        self.send(
            Method::DELETE,
            path,
            &[("content-type", "application/json")],
            Some(options.to_string()),
        )
        .await
    }

    pub(crate) async fn json_patch(&self, path: &str, body: &Value) -> Reply {
        self.patch("application/json-patch+json", path, body).await
    }

    pub(crate) async fn merge_patch(&self, path: &str, body: &Value) -> Reply {
        self.patch("application/merge-patch+json", path, body).await
    }

    pub(crate) async fn strategic_patch(&self, path: &str, body: &Value) -> Reply {
        self.patch("application/strategic-merge-patch+json", path, body)
            .await
    }

    /// Server-side apply.
    pub(crate) async fn apply(&self, path: &str, manager: &str, body: &Value) -> Reply {
        self.patch(
            "application/apply-patch+yaml",
            &with_query(path, &format!("fieldManager={manager}")),
            body,
        )
        .await
    }

    /// Server-side apply with force.
    pub(crate) async fn apply_forced(&self, path: &str, manager: &str, body: &Value) -> Reply {
        let path = with_query(path, &format!("fieldManager={manager}&force=true"));
        self.patch("application/apply-patch+yaml", &path, body)
            .await
    }

    pub(crate) async fn patch(&self, content_type: &str, path: &str, body: &Value) -> Reply {
        self.send(
            Method::PATCH,
            path,
            &[("content-type", content_type)],
            Some(body.to_string()),
        )
        .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", "conformance/1.0");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| *name == "accept") {
            request = request.header("accept", "application/json");
        }
        let request = request
            .body(Body::from(body.unwrap_or_default().into_bytes()))
            .expect("a request");
        let response = self.client.send(request).await.expect("an answer");
        let header = |name: &str| -> Vec<String> {
            let all = response.headers().get_all(name).iter();
            all.filter_map(|value| value.to_str().ok())
                .map(ToOwned::to_owned)
                .collect()
        };
        let (code, mut warnings) = (response.status().as_u16(), header("warning"));
        // A cluster has controllers for these kinds, and no reason to say this.
        warnings.retain(|warning| !warning.contains("klamm's own API server"));
        let content_type = header("content-type").first().cloned().unwrap_or_default();
        let bytes = response.into_body().collect_bytes().await.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Reply {
            code,
            body,
            warnings,
            content_type,
        }
    }

    /// Events of a watch until it ends or `enough` says so.
    pub(crate) async fn watch(&self, path: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let request = Request::get(with_query(path, "watch=true"))
            .header("accept", "application/json")
            .body(Vec::new())
            .expect("a request");
        let lines = self
            .client
            .request_stream(request)
            .await
            .expect("a watch")
            .lines();
        let mut lines = Box::pin(lines.into_stream());
        let mut events = Vec::new();
        let read = async {
            while let Some(Ok(line)) = lines.next().await {
                events.push(serde_json::from_str(&line).expect("an event is JSON"));
                if enough(&events) {
                    return;
                }
            }
        };
        tokio::time::timeout(EVENTUALLY, read)
            .await
            .expect("the watch tells enough in time");
        events
    }

    /// Waits until a path answers with a code.
    pub(crate) async fn eventually(&self, path: &str, holds: impl Fn(&Reply) -> bool) -> Reply {
        let look = async {
            loop {
                let reply = self.get(path).await;
                if holds(&reply) {
                    return reply;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(EVENTUALLY, look)
            .await
            .expect("it holds in time")
    }

    /// A value as lines `path = value`, with what differs from run to run replaced.
    pub(crate) fn flat(&self, value: &Value) -> String {
        let mut lines = Vec::new();
        flatten(&self.normal(value, ""), "", &mut lines);
        let mut out = lines.join("\n");
        out.push('\n');
        out
    }

    /// An answer as such lines.
    pub(crate) fn told(&self, reply: &Reply) -> String {
        let mut out = format!("{}\n", reply.code);
        for warning in &reply.warnings {
            out.push_str(&format!("warning {}\n", warning.replace(&self.ns, "NS")));
        }
        out + &self.flat(&reply.body)
    }

    /// Owners and their fields.
    pub(crate) fn owners(&self, object: &Value) -> String {
        let mut entries: Vec<String> = object["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| {
                let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
                let timed = if entry["time"].is_string() {
                    ""
                } else {
                    " (no time)"
                };
                let (manager, operation) = (text("manager"), text("operation"));
                let version = text("apiVersion").replace(&self.ns, "NS");
                let fields = self.normal(&entry["fieldsV1"], "fieldsV1");
                format!(
                    "{manager} {operation} {version} {}{timed}\n  {fields}\n",
                    text("subresource")
                )
            })
            .collect();
        // Written within one second or not: the order in the object depends on it.
        entries.sort();
        entries.concat()
    }

    fn normal(&self, value: &Value, key: &str) -> Value {
        match value {
            Value::String(text) if key == "uid" && !text.is_empty() => json!("UID"),
            Value::String(text) if key == "resourceVersion" && text.parse::<u64>().is_ok() => {
                json!("RV")
            }
            Value::String(text) if is_time(text) => json!("TIME"),
            Value::String(text) => Value::String(text.replace(&self.ns, "NS")),
            Value::Array(items) => {
                let mut items: Vec<Value> =
                    items.iter().map(|item| self.normal(item, key)).collect();
                if key == "causes" {
                    // Some checks run several times in a kube-apiserver.
                    let mut seen: Vec<Value> = Vec::new();
                    items.retain(|item| {
                        let new = !seen.contains(item);
                        seen.push(item.clone());
                        new
                    });
                }
                Value::Array(items)
            }
            Value::Object(map) => {
                let fields = map
                    .iter()
                    .map(|(name, inner)| (name.replace(&self.ns, "NS"), self.normal(inner, name)));
                Value::Object(fields.collect())
            }
            other => other.clone(),
        }
    }
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.parse::<jiff::Timestamp>().is_ok()
}

fn flatten(value: &Value, at: &str, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            for (name, inner) in sorted {
                if name == "managedFields" {
                    continue;
                }
                let below = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                flatten(inner, &below, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                flatten(inner, &format!("{at}[{index}]"), lines);
            }
        }
        single => lines.push(format!("{at} = {single}")),
    }
}

/// A path with more query.
pub(crate) fn with_query(path: &str, query: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}{query}")
}
