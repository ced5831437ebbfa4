use std::sync::atomic::AtomicUsize;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};

use super::*;

/// An API server that counts what reaches it and answers each request with an empty ConfigMap.
fn counting() -> (kube::Client, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reached);
    let service = tower::service_fn(move |_: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let map = serde_json::to_vec(&ConfigMap::default()).unwrap();
        async move { Ok::<_, BoxError>(Response::new(Body::from(map))) }
    });
    (kube::Client::new(service, "default"), reached)
}

async fn create(client: kube::Client) -> Result<ConfigMap, kube::Error> {
    let mut map = ConfigMap::default();
    map.metadata.name = Some("one".to_owned());
    Api::<ConfigMap>::default_namespaced(client)
        .create(&PostParams::default(), &map)
        .await
}

async fn with(fault: Fault) -> (Option<Result<ConfigMap, kube::Error>>, usize) {
    let (client, reached) = counting();
    let client = Faults::judged_by(move |_| fault).around(client);
    let outcome = tokio::time::timeout(Duration::from_mins(1), create(client))
        .await
        .ok();
    (outcome, reached.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_what_its_name_says() {
    assert!(matches!(with(Fault::None).await, (Some(Ok(_)), 1)));
    assert!(matches!(with(Fault::Fail).await, (Some(Err(_)), 0)));
    assert!(matches!(with(Fault::LoseReply).await, (Some(Err(_)), 1)));
    assert!(matches!(with(Fault::Hang).await, (None, 0)));
    assert!(matches!(with(Fault::HangAfter).await, (None, 1)));
    assert!(matches!(
        with(Fault::Delay(Duration::from_secs(5))).await,
        (Some(Ok(_)), 1)
    ));
    let (answer, reached) = with(Fault::Answer(StatusCode::CONFLICT)).await;
    assert!(matches!(answer, Some(Err(kube::Error::Api(status))) if status.code == 409));
    assert_eq!(reached, 0);
}

#[tokio::test]
async fn calls_are_numbered_and_told_apart() {
    let (client, _) = counting();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let calls = Arc::clone(&seen);
    let client = Faults::judged_by(move |call| {
        calls.lock().unwrap().push(call.clone());
        Fault::None
    })
    .around(client);
    create(client.clone()).await.unwrap();
    Api::<ConfigMap>::default_namespaced(client)
        .get("one")
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter().map(|call| call.number).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        seen.iter().map(Call::is_write).collect::<Vec<_>>(),
        [true, false]
    );
    assert!(
        seen[1]
            .path
            .starts_with("/api/v1/namespaces/default/configmaps/one")
    );
}
