use std::collections::BTreeMap;

use super::*;

fn environment(more: &[(&str, &str)]) -> Environment {
    let all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1"),
        ("POD_NAME", "c-p-0"),
        ("POD_IP", "127.0.0.1"),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    Environment::parse(all).unwrap()
}

#[tokio::test]
async fn a_container_is_reached_over_both_families_of_addresses() {
    let listener = listen(&environment(&[]), 0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    // Only a machine without IPv6 has an empty list here.
    let has_v6 = std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| !text.is_empty());
    let over_v6 = tokio::net::TcpStream::connect(("::1", port)).await;
    assert_eq!(over_v6.is_ok(), has_v6, "{over_v6:?}");
    let taken = listen(&environment(&[]), port).await.unwrap_err();
    assert_eq!(
        taken.to_string(),
        format!("cannot listen on port {port}"),
        "a port that is taken is not tried in another way"
    );
}

#[tokio::test]
async fn a_process_node_listens_on_the_pods_address_only() {
    let listener = listen(&environment(&[("KLAMM_ADDRESS", "pod-ip")]), 0)
        .await
        .unwrap();
    assert_eq!(listener.local_addr().unwrap().ip().to_string(), "127.0.0.1");
}
