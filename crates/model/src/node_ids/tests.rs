use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

#[test]
fn a_new_cluster_counts_from_zero_in_the_order_of_its_pools() {
    check(
        &[
            pool("broker", 3, "", "", ""),
            pool("controller", 3, "", "", ""),
        ],
        "",
        &expect![[r#"
        broker: 0 1 2 / added 0 1 2 / removed 
        controller: 3 4 5 / added 3 4 5 / removed 
    "#]],
    );
}

#[test]
fn gaps_are_filled_from_the_lowest_and_the_highest_go_first() {
    check(
        &[pool("a", 4, "0, 3", "", ""), pool("b", 1, "5, 7", "", "")],
        "",
        &expect![[r#"
        a: 0 1 2 3 / added 1 2 / removed 
        b: 5 / added  / removed 7
    "#]],
    );
}

#[test]
fn ids_that_are_leaving_are_not_given_out_in_the_same_look() {
    check(
        &[pool("a", 0, "0", "", ""), pool("b", 1, "", "[0]", "")],
        "",
        &expect![[r#"
        a:  / added  / removed 0
        b: 1 / added 1 / removed 
    "#]],
    );
}

#[test]
fn ranges_come_first_then_the_lowest_free_id() {
    check(
        &[pool("a", 4, "", "[10-11, 20]", "")],
        "11",
        &expect![[r#"
        a: 0 1 10 20 / added 0 1 10 20 / removed 
    "#]],
    );
    check(
        &[pool("a", 2, "", "[12-10]", "")],
        "",
        &expect![[r#"
        a: 11 12 / added 11 12 / removed 
    "#]],
    );
}

#[test]
fn nodes_to_remove_go_in_the_order_asked_for() {
    check(
        &[pool("a", 1, "0-3", "", "[7, 1-2]")],
        "",
        &expect![[r#"
        a: 0 / added  / removed 1 2 3
    "#]],
    );
    check(
        &[pool("a", 1, "0-3", "", "[9]")],
        "",
        &expect![[r#"
        a: 0 / added  / removed 1 2 3
    "#]],
    );
    // As wide as ids go, upwards and downwards.
    check(
        &[
            pool("a", 1, "0-3", "", "[2-2147483647, 0]"),
            pool("b", 1, "4-7", "", "[2147483647-5]"),
        ],
        "",
        &expect![[r#"
            a: 1 / added  / removed 0 2 3
            b: 4 / added  / removed 5 6 7
        "#]],
    );
}

#[test]
fn ranges_are_read_as_strimzi_reads_them() {
    for good in ["[0]", "[ 0 , 1-3 ]", "[]", "", " [10 - 8] "] {
        assert!(parse_ranges(good).is_some(), "{good}");
    }
    for bad in [
        "0",
        "[0",
        "[a]",
        "[0,]",
        "[1-2-3]",
        "[-1]",
        "[+1]",
        "[99999999999]",
    ] {
        assert_eq!(parse_ranges(bad), None, "{bad}");
    }
}

fn pool(name: &str, replicas: u32, current: &str, next: &str, remove: &str) -> PoolIds {
    let ids = |text: &str| {
        parse_ranges(&format!("[{text}]"))
            .unwrap()
            .into_iter()
            .flat_map(NodeIdRange::ids)
            .collect()
    };
    PoolIds {
        pool: name.parse().unwrap(),
        replicas,
        current: ids(current),
        next: parse_ranges(next).unwrap(),
        remove: parse_ranges(remove).unwrap(),
    }
}

fn check(pools: &[PoolIds], taken: &str, expected: &Expect) {
    let taken = parse_ranges(&format!("[{taken}]"))
        .unwrap()
        .into_iter()
        .flat_map(NodeIdRange::ids)
        .collect();
    let mut text = String::new();
    for (
        pool,
        Assignment {
            desired,
            added,
            removed,
        },
    ) in assign(pools, &taken)
    {
        let list = |ids: &BTreeSet<NodeId>| {
            ids.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        writeln!(
            text,
            "{pool}: {} / added {} / removed {}",
            list(&desired),
            list(&added),
            list(&removed)
        )
        .unwrap();
    }
    expected.assert_eq(&text);
}
