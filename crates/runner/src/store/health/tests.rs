use super::*;

#[test]
fn a_server_of_an_ensemble_is_ready_once_it_has_a_mode() {
    let program = StoreProgram::ZooKeeper {
        id: 1,
        client_port: 2181,
    };
    let answer = "Zookeeper version: 3.8.4\nReceived: 5\nMode: follower\nNode count: 5\n";
    assert_eq!(
        judge(&program, answer),
        (StatusCode::OK, "follower\n".to_owned())
    );
    let waiting = "This ZooKeeper instance is not currently serving requests\n";
    assert_eq!(
        judge(&program, waiting),
        (StatusCode::SERVICE_UNAVAILABLE, waiting.to_owned())
    );
}

#[test]
fn etcd_is_ready_when_it_calls_itself_healthy() {
    let program = StoreProgram::Etcd {
        name: "a".to_owned(),
        client_port: 1,
        peer_port: 2,
    };
    let answer = |health: &str| format!("HTTP/1.0 200 OK\r\n\r\n{{\"health\":\"{health}\"}}");
    assert_eq!(judge(&program, &answer("true")).0, StatusCode::OK);
    assert_eq!(
        judge(&program, &answer("false")).0,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
