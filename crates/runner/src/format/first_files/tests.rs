use super::*;

/// What `kafka-storage.sh format --release-version 4.1-IV1` of Kafka 4.1.2 wrote.
const BOOTSTRAP_4_1: &str = concat!(
    "00000000000000000000004700000000026aa1ea25002000000000000001a2006de6b5000001a2006de6b5ffffffffff",
    "ffffffffffffffffff000000012a0000000800000003160000000000000000000000000000000000000001000000b900",
    "00000002db6cdcab000000000003000001a2006de734000001a2006de734ffffffffffffffffffffffffffff00000004",
    "3a000000012e010c00116d657461646174612e76657273696f6e001b00005a000002014e010c0021656c696769626c65",
    "2e6c65616465722e7265706c696361732e76657273696f6e00010000340000040128010c000e67726f75702e76657273",
    "696f6e00010000400000060134010c00147472616e73616374696f6e2e76657273696f6e000200000000000000000005",
    "0000003f000000000228fa4e54002000000000000001a2006de735000001a2006de735ffffffffffffffffffffffffff",
    "ff000000011a00000008000000040600000000",
);

/// What `kafka-storage.sh format --initial-controllers 3@…,4@…` of Kafka 4.3.1 wrote.
const SNAPSHOT: &str = concat!(
    "0000000000000000000000cf00000000021d3aea6e002000000002000001a2006c2616000001a2006c2616ffffffffff",
    "ffffffffffffffffff000000032a0000000800000003160000000001a2006c260500001e00000208000000050a000000",
    "010000ec010000040800000006d6010000030000000400000000000000000000000000000002020b434f4e54524f4c4c",
    "45520b3132372e302e302e31302382000000000100000000000300000000000000000000000000000001020b434f4e54",
    "524f4c4c45520a3132372e302e302e39238200000000010000000000000000000000030000003f000000000246161270",
    "002000000000000001a2006c261b000001a2006c261bffffffffffffffffffffffffffff000000011a00000008000000",
    "040600000000",
);

const FIRST_TIMESTAMP: std::ops::Range<usize> = 27..35;

/// The batches of a file, each without its checksum, after a look that it is right, and without its times.
fn batches(file: &[u8]) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    let mut rest = file;
    while let Some(length) = rest.get(8..12) {
        let length = usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
        let (batch, others) = rest.split_at(12 + length);
        let crc = u32::from_be_bytes(batch[17..21].try_into().unwrap());
        assert_eq!(crc, crc32c::crc32c(&batch[21..]));
        batches.push([&batch[..17], &batch[21..27], &batch[43..]].concat());
        rest = others;
    }
    assert!(rest.is_empty());
    batches
}

#[test]
fn bootstrap_is_what_the_tool_writes() {
    let theirs = hex::decode(BOOTSTRAP_4_1).unwrap();
    let ours = bootstrap("4.1-IV1".parse().unwrap(), 1_795_000_000_000).unwrap();
    assert_eq!(batches(&ours), batches(&theirs));
}

#[test]
fn the_first_snapshot_is_what_the_tool_writes() {
    let theirs = hex::decode(SNAPSHOT).unwrap();
    // The tool's order is that of a hash map; 4 came first.
    let voters = Voter::parse_all(
        "4@127.0.0.10:9090:AAAAAAAAAAAAAAAAAAAAAg,3@127.0.0.9:9090:AAAAAAAAAAAAAAAAAAAAAQ",
    )
    .unwrap();
    let header_ms = i64::from_be_bytes(theirs[73..81].try_into().unwrap());
    let ours = first_snapshot(&voters, "CONTROLLER", header_ms);
    assert_eq!(batches(&ours), batches(&theirs));
    assert_eq!(ours[FIRST_TIMESTAMP], header_ms.to_be_bytes());
}

#[test]
fn features_come_with_the_version_that_brings_them() {
    let size = |version: &str| bootstrap(version.parse().unwrap(), 0).map(|bytes| bytes.len());
    assert_eq!(size("3.8-IV0"), None);
    let sizes = [
        "3.9-IV0", "4.0-IV0", "4.0-IV3", "4.1-IV1", "4.2-IV0", "4.3-IV0",
    ]
    .map(size);
    assert_eq!(sizes.map(Option::unwrap), [249, 276, 309, 355, 382, 411]);
}

#[test]
fn voters_that_are_none_are_refused() {
    for text in [
        "",
        "0",
        "0@host:9090",
        "x@host:9090:AAAAAAAAAAAAAAAAAAAAAQ",
        "0@host:port:AAAAAAAAAAAAAAAAAAAAAQ",
        "0@host:9090:AAAA",
        "0@host:9090:AAAAAAAAAAAAAAAAAAAAAQ,",
    ] {
        assert_eq!(Voter::parse_all(text), None, "{text}");
    }
}
