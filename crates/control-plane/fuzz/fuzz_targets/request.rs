//! Any requests to the API server, one after the other: paths, queries, headers, and bodies of every media type.
#![no_main]

use std::cell::OnceCell;

use axum::body::Body;
use axum::http::{Method, Request, header};
use control_plane::{ControlPlane, Settings};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
const TYPES: [&str; 7] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
/// Where a request usually goes; the rest of the path comes from the bytes.
const PATHS: [&str; 8] = [
    "",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/configmaps/a",
    "/api/v1/namespaces/default/pods/a/",
    "/apis/apps/v1/namespaces/default/deployments/a",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/api/v1/namespaces/default/services/a",
    "/apis/",
];
/// Objects that were made so far must not fill the memory.
const REQUESTS_EACH: usize = 200;

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
    static SERVER: OnceCell<std::cell::RefCell<(usize, ControlPlane)>> = const { OnceCell::new() };
}

fuzz_target!(|requests: Vec<(u8, u8, u8, String, String, Vec<u8>)>| {
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
        });
        runtime.block_on(async {
            for request in requests.into_iter().take(8) {
                answer(request).await;
            }
        });
    });
});

async fn answer((method, kind, path, more, query, body): (u8, u8, u8, String, String, Vec<u8>)) {
    let pick = |number: u8, of: usize| usize::from(number) % of;
    let uri = format!("{}{more}?{query}", PATHS[pick(path, PATHS.len())]);
    // Watches do not end by themselves.
    if uri.contains("watch") || uri.contains("follow") {
        return;
    }
    let request = Request::builder()
        .method(METHODS[pick(method, METHODS.len())].clone())
        .uri(uri)
        .header(header::CONTENT_TYPE, TYPES[pick(kind, TYPES.len())])
        .body(Body::from(body));
    let Ok(request) = request else { return };
    let text = format!("{request:?}");
    let service = server().await.service();
    let Ok(response) = service.oneshot(request).await;
    assert_ne!(response.status().as_u16(), 500, "{text}");
}

/// The server, a fresh one from time to time.
async fn server() -> ControlPlane {
    let used = SERVER.with(|server| {
        server.get().and_then(|server| {
            let mut server = server.borrow_mut();
            server.0 += 1;
            (server.0 < REQUESTS_EACH).then(|| server.1.clone())
        })
    });
    if let Some(used) = used {
        return used;
    }
    let settings = Settings { loops: false, ..Settings::in_memory() };
    let fresh = ControlPlane::open(settings).await.expect("a control plane in memory");
    SERVER.with(|server| {
        let kept = server.get_or_init(|| (0, fresh.clone()).into());
        *kept.borrow_mut() = (0, fresh.clone());
    });
    fresh
}
