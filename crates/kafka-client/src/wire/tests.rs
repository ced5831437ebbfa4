//! Every message in every version there and back, and hostile bytes.

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::messages::describe_cluster_response::DescribeClusterBroker;
use crate::messages::{
    ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse,
    FetchResponse, MetadataResponse, OffsetDeleteRequest,
};

/// Fills a message of each version from `entropy`, writes it, reads it back, writes that, compares all.
fn there_and_back<M: Message + PartialEq + std::fmt::Debug>(entropy: &[u8]) -> usize {
    let mut count = 0;
    for version in M::VERSIONS {
        let mut message: M = arbitrary(entropy, version).unwrap();
        let bytes = encode(&mut message, version, Vec::new())
            .unwrap_or_else(|error| panic!("{} {version} of {message:?}: {error}", M::NAME));
        let mut read: M = decode(Bytes::from(bytes.clone()), version)
            .unwrap_or_else(|error| panic!("{} {version} from {bytes:?}: {error}", M::NAME));
        assert_eq!(read, message, "{} {version}", M::NAME);
        assert_eq!(
            encode(&mut read, version, Vec::new()).unwrap(),
            bytes,
            "{} {version}",
            M::NAME
        );
        count += 1;
    }
    count
}

/// Reads bytes as each version of a message: an error or a message, never more.
fn read_anything<M: Message>(bytes: &[u8]) -> usize {
    M::VERSIONS
        .filter(|version| decode::<M>(Bytes::copy_from_slice(bytes), *version).is_ok())
        .count()
}

fn round_trip_all(entropy: &[u8]) -> usize {
    let mut count = 0;
    macro_rules! both {
        ($api:ident $request:ident $response:ident) => {
            count += there_and_back::<crate::messages::$request>(entropy);
            count += there_and_back::<crate::messages::$response>(entropy);
        };
    }
    crate::for_each_api!(both);
    count
}

fn read_all(bytes: &[u8]) -> usize {
    let mut count = 0;
    macro_rules! both {
        ($api:ident $request:ident $response:ident) => {
            count += read_anything::<crate::messages::$request>(bytes);
            count += read_anything::<crate::messages::$response>(bytes);
        };
    }
    crate::for_each_api!(both);
    count
}

#[test]
fn every_message_survives_in_every_version_when_empty() {
    assert!(round_trip_all(&[]) > 250);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_survives_in_every_version(entropy in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(round_trip_all(&entropy) > 250);
    }

    #[test]
    fn random_bytes_are_refused_or_read_but_never_worse(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn a_cut_frame_is_refused(entropy in prop::collection::vec(any::<u8>(), 50..400), cut in 1usize..40) {
        for version in MetadataResponse::VERSIONS {
            let mut message: MetadataResponse = arbitrary(&entropy, version).unwrap();
            let mut bytes = encode(&mut message, version, Vec::new()).unwrap();
            bytes.truncate(bytes.len().saturating_sub(cut));
            prop_assert!(decode::<MetadataResponse>(Bytes::from(bytes), version).is_err());
        }
    }
}

#[test]
fn the_seven_bytes_that_aborted_another_client_are_refused() {
    for filler in [0x00, 0x7f, 0x80, 0xff] {
        for length in 0..64 {
            read_all(&vec![filler; length]);
        }
    }
}

#[test]
fn a_count_that_the_frame_cannot_hold_is_refused_before_anything_is_allocated() {
    // Two billion brokers announced in a frame of twelve bytes.
    let bytes = Bytes::from_static(&[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let refused = decode::<MetadataResponse>(bytes, 3).unwrap_err();
    assert_eq!(
        refused,
        WireError::Length {
            at: 4,
            length: 0x7fff_ffff,
            left: 4
        }
    );
}

#[test]
fn a_frame_of_empty_elements_runs_into_the_budget() {
    // A million topics of one byte each would be some hundred bytes each in memory.
    let count: u32 = 1_000_000;
    let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    write::uvarint(&mut bytes, count + 1);
    bytes.resize(bytes.len() + count as usize, 0);
    let refused = decode::<FetchResponse>(Bytes::from(bytes), 12).unwrap_err();
    assert!(matches!(refused, WireError::Budget { .. }), "{refused:?}");
}

#[test]
fn a_field_that_the_version_lacks_must_hold_its_default() {
    let mut request = DescribeClusterRequest {
        include_fenced_brokers: true,
        ..DescribeClusterRequest::default()
    };
    let refused = encode(&mut request, 1, Vec::new()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "version 1 has no field IncludeFencedBrokers, which is set"
    );
    assert!(encode(&mut request, 2, Vec::new()).is_ok());
    assert!(matches!(
        encode(&mut request, 9, Vec::new()),
        Err(WireError::Version {
            version: 9,
            last: 2,
            ..
        })
    ));
}

#[test]
fn unknown_tags_are_skipped_and_bytes_after_the_end_are_not() {
    let mut response = ApiVersionsResponse {
        finalized_features_epoch: 7,
        ..ApiVersionsResponse::default()
    };
    let mut bytes = encode(&mut response, 3, Vec::new()).unwrap();
    // One tag (1, 8 bytes): add a second, tag 99 with two bytes.
    let tags = bytes.len() - 11;
    assert_eq!(bytes[tags..=tags], [1]);
    bytes[tags] = 2;
    bytes.extend([99, 2, 0xaa, 0xbb]);
    assert_eq!(
        decode::<ApiVersionsResponse>(Bytes::from(bytes.clone()), 3).unwrap(),
        response
    );
    bytes.push(0);
    assert_eq!(
        decode::<ApiVersionsResponse>(Bytes::from(bytes), 3).unwrap_err(),
        WireError::Trailing { left: 1 }
    );
}

#[test]
fn headers_of_both_shapes_are_read_as_written() {
    let mut request = ApiVersionsRequest::default();
    for version in ApiVersionsRequest::VERSIONS {
        let frame = encode_request(&mut request, version, 42, "me").unwrap();
        let frame = Bytes::from(frame).slice(4..);
        let (header, body) = decode_request_header(&frame).unwrap();
        assert_eq!(
            (header.api, header.version, header.correlation_id),
            (Some(ApiKey::ApiVersions), version, 42)
        );
        assert_eq!(header.client_id.as_deref(), Some("me"));
        assert_eq!(
            decode::<ApiVersionsRequest>(body, version).unwrap(),
            request
        );
    }
    // An API that never became flexible.
    let frame = encode_request(&mut OffsetDeleteRequest::default(), 0, 1, "").unwrap();
    let (header, body) = decode_request_header(&Bytes::from(frame).slice(4..)).unwrap();
    assert_eq!(header.api, Some(ApiKey::OffsetDelete));
    assert!(decode::<OffsetDeleteRequest>(body, 0).is_ok());
    let mut response = DescribeClusterResponse {
        cluster_id: "c".to_owned(),
        brokers: vec![DescribeClusterBroker::default()],
        ..DescribeClusterResponse::default()
    };
    let frame = Bytes::from(encode_response(&mut response, 2, 9).unwrap()).slice(4..);
    assert_eq!(
        decode_response::<DescribeClusterResponse>(&frame, 2).unwrap(),
        (9, response)
    );
}

#[test]
fn kafka_ids_are_written_as_kafka_does() {
    let id = Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
    assert_eq!(crate::id::kafka_id(id), "AQIDBAUGBwgJCgsMDQ4PEA");
    assert_eq!(
        crate::id::parse_kafka_id("AQIDBAUGBwgJCgsMDQ4PEA"),
        Some(id)
    );
    assert_eq!(crate::id::parse_kafka_id("short"), None);
}
