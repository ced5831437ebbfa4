//! A kill at any moment loses nothing that was acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use control_plane::{ControlPlane, Settings};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::support::object;

const DIR: &str = "KLAMM_CRASH_TEST_DIR";
/// After so many acknowledgements the writer is killed, in the middle of what it does then.
const KILLED_AFTER: [usize; 5] = [1, 7, 40, 90, 160];
const WRITERS: usize = 4;

/// Writes until it is killed, saying what was acknowledged. Runs only as a child of the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as a child process of the crash test"]
async fn endless_writer() {
    let Some(dir) = std::env::var_os(DIR) else {
        panic!("{DIR} is not set")
    };
    let plane = ControlPlane::open(Settings::in_dir(dir)).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let client = Client::new(plane.service(), "default");
        tokio::spawn(async move { write_forever(&Api::default_namespaced(client), writer).await })
    });
    futures::future::join_all(writers).await;
}

async fn write_forever(maps: &Api<ConfigMap>, writer: usize) {
    let run = std::process::id();
    for n in 0.. {
        let name = format!("w{writer}-{run}-{n}");
        let map = object(
            json!({"metadata": {"name": name}, "data": {"n": "0", "pad": "x".repeat(2_000)}}),
        );
        let made = maps.create(&PostParams::default(), &map).await.unwrap();
        println!("acked {name} {}", made.resource_version().unwrap());
        let patch = Patch::Merge(json!({"data": {"n": "1"}}));
        let changed = maps
            .patch(&name, &PatchParams::default(), &patch)
            .await
            .unwrap();
        println!("acked {name} {}", changed.resource_version().unwrap());
        if n % 3 == 2 {
            maps.delete(&name, &DeleteParams::default()).await.unwrap();
            println!("acked {name} gone");
        }
    }
}

/// What was acknowledged last of each object: a revision, or that it is gone.
type Acknowledged = BTreeMap<String, Option<u64>>;

fn write_and_kill(dir: &std::path::Path, after: usize, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::endless_writer",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    // The pipe is read to its end: what the child said before it died counts, too.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["acked", name, what] = words.as_slice() else {
            continue;
        };
        acknowledged.insert((*name).to_owned(), what.parse().ok());
        seen += 1;
        if seen == after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= after, "the writer ended by itself after {seen}");
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    let mut newest = 0;
    for after in KILLED_AFTER {
        write_and_kill(dir.path(), after, &mut acknowledged);
        let plane = ControlPlane::open(Settings::in_dir(dir.path()))
            .await
            .unwrap();
        let maps: Api<ConfigMap> = Api::default_namespaced(Client::new(plane.service(), "default"));
        let list = maps.list(&ListParams::default()).await.unwrap();
        let revision: u64 = list.metadata.resource_version.unwrap().parse().unwrap();
        let there: BTreeMap<String, u64> = list
            .items
            .iter()
            .map(|map| {
                (
                    map.name_any(),
                    map.resource_version().unwrap().parse().unwrap(),
                )
            })
            .collect();
        for (name, last) in &acknowledged {
            match (last, there.get(name)) {
                (Some(acked), Some(found)) => {
                    assert!(found >= acked, "{name}: {found} is older than {acked}");
                }
                // The next thing the writer does is to delete it: that may have happened unacknowledged.
                (Some(_), None) => assert!(
                    name.rsplit('-').next().unwrap().parse::<u32>().unwrap() % 3 == 2,
                    "{name} is lost"
                ),
                (None, Some(_)) => panic!("{name} is back"),
                (None, None) => {}
            }
        }
        let highest = acknowledged.values().flatten().max().copied().unwrap_or(0);
        assert!(
            revision >= highest && revision > newest,
            "{revision} goes back behind {highest} or {newest}"
        );
        newest = revision;
        plane.close().await;
    }
    assert!(acknowledged.len() > WRITERS, "the writers did something");
}
