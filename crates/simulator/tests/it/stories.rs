//! Each file in `scenarios/` is one test: its transcript must be what comes of its script, twice.

use std::path::PathBuf;

use simulator::transcript;

use crate::faults;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("{name}.txt"))
}

/// The script of a story, with its transcript.
pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("every listed story is a file")
}

fn check(name: &str) {
    let script = read(name);
    let (told, _) = transcript(&script);
    let (again, _) = transcript(&script);
    assert_eq!(told, again, "the same script must give the same bytes");
    expect_test::expect_file![path(name)].assert_eq(&told);
    assert!(!told.contains("VIOLATION"), "{told}");
    assert!(!told.contains("\n  error:"), "{told}");
    assert!(
        told.lines().count() < 120,
        "a story is told in less than 120 lines"
    );
}

macro_rules! stories {
    ($($test:ident: $file:literal),* $(,)?) => {
        /// Every story, by file name.
        pub(crate) const STORIES: &[&str] = &[$($file),*];

        mod told {
            $(#[test] fn $test() { super::check($file); })*
        }

        mod with_faults {
            $(#[test] fn $test() { super::faults::check($file); })*
        }
    };
}

stories! {
    all_voters_lost_ephemeral: "all-voters-lost-ephemeral",
    authority_replaced: "authority-replaced",
    bad_manifest: "bad-manifest",
    certificate_deleted: "certificate-deleted",
    certificates_renewed: "certificates-renewed",
    change_refused: "change-refused",
    change_under_way: "change-under-way",
    claimed_and_paused: "claimed-and-paused",
    copies_coming_up: "copies-coming-up",
    corrected_before_it_served: "corrected-before-it-served",
    deleted_and_applied_again: "deleted-and-applied-again",
    deleted_while_coming_up: "deleted-while-coming-up",
    disk_wiped: "disk-wiped",
    ephemeral_controller_forgotten: "ephemeral-controller-forgotten",
    etcd_deployment: "etcd-deployment",
    ephemeral_deployment: "ephemeral-deployment",
    ephemeral_pod_lost: "ephemeral-pod-lost",
    first_deployment: "first-deployment",
    foreign: "foreign",
    identity_conflict: "identity-conflict",
    identity_forgotten: "identity-forgotten",
    identity_forgotten_ephemeral: "identity-forgotten-ephemeral",
    jbod_disk_lost: "jbod-disk-lost",
    kafka_out_of_reach: "kafka-out-of-reach",
    load_balancers: "load-balancers",
    majority_lost_persistent: "majority-lost-persistent",
    metadata_store_changed: "metadata-store-changed",
    namespace_goes: "namespace-goes",
    no_permit: "no-permit",
    only_copy_lost: "only-copy-lost",
    plan_paused_by_user: "plan-paused-by-user",
    pod_lost: "pod-lost",
    pool_deleted_by_mistake: "pool-deleted-by-mistake",
    restart_asked_for: "restart-asked-for",
    settings_beside_a_restart: "settings-beside-a-restart",
    settings_changed_while_running: "settings-changed-while-running",
    single_node: "single-node",
    slow_and_away: "slow-and-away",
    stopped_and_changed: "stopped-and-changed",
    stopped_and_changed_late: "stopped-and-changed-late",
    stopped_and_changed_ephemeral: "stopped-and-changed-ephemeral",
    two_disks_lost: "two-disks-lost",
    volume_going: "volume-going",
    volume_lost: "volume-lost",
    zookeeper_deployment: "zookeeper-deployment",
    zookeeper_lost: "zookeeper-lost",
}

#[test]
fn every_file_is_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(path("x").parent().unwrap())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    files.sort();
    let mut listed = STORIES.to_vec();
    listed.sort_unstable();
    assert_eq!(files, listed);
}
