use super::*;

#[test]
fn a_pod_keeps_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("addresses.json");
    let mut book = PodAddresses::open(file.clone(), Range(77));
    let a = book.of("kafka", "a", |_| true).unwrap();
    let b = book.of("kafka", "b", |_| true).unwrap();
    assert_eq!(
        (a.to_string().as_str(), b.to_string().as_str()),
        ("127.77.1.1", "127.77.1.2")
    );
    let mut book = PodAddresses::open(file.clone(), Range(77));
    assert_eq!(book.of("kafka", "b", |_| true).unwrap(), b);
    assert_eq!(
        book.of("other", "b", |_| true).unwrap().to_string(),
        "127.77.1.3"
    );
    assert_eq!(
        PodAddresses::open(file, Range(78))
            .of("kafka", "b", |_| true)
            .unwrap()
            .to_string(),
        "127.78.1.1"
    );
}

#[test]
fn addresses_stay_in_their_part_of_the_block() {
    let range = Range(9);
    let all: std::collections::BTreeSet<_> =
        (0..40_000).map_while(|index| range.pod(index)).collect();
    assert_eq!(all.len(), 127 * 254);
    assert_eq!(all.first().unwrap().to_string(), "127.9.1.1");
    assert_eq!(all.last().unwrap().to_string(), "127.9.127.254");
    assert_eq!(
        (range.node().to_string(), range.services_cidr()),
        ("127.9.0.1".to_owned(), "127.9.128.0/17".to_owned())
    );
}

#[test]
fn when_all_are_used_the_address_of_a_lost_pod_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = PodAddresses::open(dir.path().join("addresses.json"), Range(3));
    let first = book.of("n", "first", |_| true).unwrap();
    book.book.next = 127 * 254;
    assert!(book.of("n", "new", |_| true).is_err());
    assert_eq!(
        book.of("n", "new", |other| other != "n/first").unwrap(),
        first
    );
}
