use super::{
    ADVERTISED_MACHINE, BIND, FillError, Place, RACK, ROOT, advertised, advertised_port, fill,
};

fn template() -> String {
    format!(
        "log.dirs={ROOT}/a,{ROOT}/b\nlisteners=A://{BIND}:9092\nadvertised.listeners=A://{}:{},B://{}:{},C://{ADVERTISED_MACHINE}:{}\nbroker.rack={RACK}\nx=${{env:Y}} {{{{z}}}}\n",
        advertised("pod-0.svc"),
        advertised_port(9092, 9092),
        advertised("lb.example"),
        advertised_port(443, 9094),
        advertised_port(31000, 9095)
    )
}

#[test]
fn in_kubernetes_names_are_advertised() {
    let place = Place {
        machine_address: Some("10.0.0.7".to_owned()),
        rack: Some("zone-a".to_owned()),
        ..Place::default()
    };
    assert_eq!(
        fill(&template(), &place).unwrap(),
        "log.dirs=/a,/b\nlisteners=A://0.0.0.0:9092\n\
         advertised.listeners=A://pod-0.svc:9092,B://lb.example:443,C://10.0.0.7:31000\n\
         broker.rack=zone-a\nx=${env:Y} {{z}}\n"
    );
}

#[test]
fn on_a_process_node_the_pods_address_and_the_listeners_port_are() {
    let place = Place {
        root: "/r".to_owned(),
        pod_address: Some("127.0.9.1".to_owned()),
        ..Place::default()
    };
    assert_eq!(
        fill(&template(), &place).unwrap(),
        "log.dirs=/r/a,/r/b\nlisteners=A://127.0.9.1:9092\n\
         advertised.listeners=A://127.0.9.1:9092,B://127.0.9.1:9094,C://127.0.9.1:9095\nx=${env:Y} {{z}}\n"
    );
}

#[test]
fn what_is_not_known_is_an_error() {
    let unknown = |text: &str| fill(text, &Place::default()).unwrap_err();
    for text in [
        "a\nb={{klamm.new}}",
        "a\nb={{klamm.port:1}}",
        "a\nb={{klamm.root",
        "a\nb={{klamm.root:x}}",
    ] {
        assert!(
            matches!(unknown(text), FillError::Unknown { line: 2, .. }),
            "{text}"
        );
    }
    assert!(matches!(
        unknown(ADVERTISED_MACHINE),
        FillError::Missing { line: 1, .. }
    ));
}
