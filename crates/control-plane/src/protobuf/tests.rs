use proptest::prelude::*;
use serde_json::json;

use super::{DecodeError, decode};

/// `tag`, length, bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
    out.extend(value);
    out
}

fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), field(1, &meta), field(2, raw)].concat()
}

#[test]
fn a_config_map_is_read_as_the_json_it_would_have_been() {
    let metadata = [
        field(1, b"a"),
        field(2, b""),
        field(3, b"default"),
        field(8, b""),
    ]
    .concat();
    let entry = [field(1, b"k"), field(2, b"v")].concat();
    let body = envelope(
        "v1",
        "ConfigMap",
        &[field(1, &metadata), field(2, &entry)].concat(),
    );
    let wanted = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "data": {"k": "v"},
    });
    assert_eq!(decode(&body).unwrap(), wanted);
}

#[test]
fn nested_lists_inlined_messages_times_and_ports_are_read() {
    let port = [
        field(1, b"http"),
        vec![3 << 3, 80],
        field(4, &[1 << 3, 1, 2 << 3, 0, 26, 3, b'w', b'e', b'b']),
    ]
    .concat();
    let spec = field(1, &port);
    let metadata = [field(1, b"s"), field(8, &[8, 60, 16, 0])].concat();
    let body = envelope(
        "v1",
        "Service",
        &[field(1, &metadata), field(2, &spec)].concat(),
    );
    let wanted = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "s", "creationTimestamp": "1970-01-01T00:01:00Z"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
    });
    assert_eq!(decode(&body).unwrap(), wanted);

    let volume = [
        field(1, b"v"),
        field(2, &field(6, &field(1, b"secret-name"))),
    ]
    .concat();
    let body = envelope("v1", "Pod", &field(2, &field(1, &volume)));
    let pod = decode(&body).unwrap();
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{"name": "v", "secret": {"secretName": "secret-name"}}])
    );
}

#[test]
fn what_is_no_protobuf_of_ours_is_an_error() {
    assert_eq!(decode(b"{}").unwrap_err(), DecodeError::NoMagic);
    assert_eq!(
        decode(&envelope("example.com/v1", "Thing", b"")).unwrap_err(),
        DecodeError::Unknown
    );
    assert_eq!(
        decode(&envelope("v1", "Pod", &[10, 200])).unwrap_err(),
        DecodeError::Malformed
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&envelope("v1", "Pod", &bytes[..bytes.len().min(100)])));
        drop(decode(&[b"k8s\0", bytes.as_slice()].concat()));
    }
}
