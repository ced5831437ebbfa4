use super::*;

#[tokio::test]
async fn a_listener_is_told_once_of_a_change_however_often_its_pod_was_looked_at() {
    let silent = tower::service_fn(|_: http::Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<kube::client::Body>, kube::Error>>()
    });
    let sources = Sources::new(Client::new(silent, "default"));
    let listener = Arc::new(Notify::new());
    let key = SourceKey {
        kind: SourceKind::Secret,
        namespace: "n".to_owned(),
        name: "s".to_owned(),
    };
    let mut held = PodSources::default();
    for _ in 0..100 {
        held.set(&sources, "n", vec![key.clone()], &listener);
    }
    let source = sources.watch(&key, &listener);
    // One for the Pod, one for the line above.
    assert_eq!(source.listeners.lock().unwrap().len(), 2);
}
