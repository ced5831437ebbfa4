use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{JvmOptions, heap};

fn memory(limit: Option<&str>, request: Option<&str>) -> ResourceRequirements {
    let map = |value: Option<&str>| {
        value.map(|v| BTreeMap::from([("memory".to_owned(), Quantity(v.to_owned()))]))
    };
    ResourceRequirements {
        limits: map(limit),
        requests: map(request),
        claims: None,
    }
}

fn shown(options: &JvmOptions, resources: &ResourceRequirements) -> String {
    let heap = heap(options, resources);
    let show = |size: Option<super::ByteSize>| size.map_or("-".to_owned(), |size| size.to_string());
    format!("{} {}", show(heap.initial), show(heap.maximum))
}

#[test]
fn the_user_decides_about_the_heap() {
    let options = JvmOptions {
        initial_heap: "1Gi".parse().ok(),
        maximum_heap: "2Gi".parse().ok(),
        ..JvmOptions::default()
    };
    assert_eq!(shown(&options, &memory(Some("64Gi"), None)), "1Gi 2Gi");
}

#[test]
fn memory_decides_where_the_user_is_silent() {
    let silent = JvmOptions::default();
    assert_eq!(shown(&silent, &memory(None, None)), "- -");
    assert_eq!(shown(&silent, &memory(Some("400"), Some("800"))), "200 200");
    assert_eq!(shown(&silent, &memory(None, Some("800"))), "400 400");
    assert_eq!(shown(&silent, &memory(Some("64Gi"), None)), "5Gi 5Gi");
}

#[test]
fn an_initial_heap_alone_is_kept_and_a_share_is_left_to_the_jvm() {
    let initial = JvmOptions {
        initial_heap: "1Gi".parse().ok(),
        ..JvmOptions::default()
    };
    assert_eq!(shown(&initial, &memory(Some("1Gi"), None)), "1Gi 1Gi");
    assert_eq!(shown(&initial, &memory(None, None)), "1Gi -");
    let share = JvmOptions {
        xx: BTreeMap::from([("MaxRAMPercentage".to_owned(), "70".to_owned())]),
        ..JvmOptions::default()
    };
    assert_eq!(shown(&share, &memory(Some("1Gi"), None)), "- -");
}
