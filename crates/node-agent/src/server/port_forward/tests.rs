use super::*;

#[test]
fn ports_are_read_as_clients_and_as_api_servers_write_them() {
    assert_eq!(ports("ports=9092%2C9093").unwrap(), [9092, 9093]);
    assert_eq!(ports("port=1&port=2&x=3").unwrap(), [1, 2]);
    for bad in ["", "ports=", "ports=0", "ports=70000", "port=http"] {
        assert!(ports(bad).is_err(), "{bad}");
    }
}
