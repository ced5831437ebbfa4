use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use reference_zookeeper::{Rig, ZooKeeper, ZooKeeperOptions};
use zookeeper_check::Both;
use zookeeper_check::campaign::{Campaign, Verdict, run};
use zookeeper_check::generate::{Operation, Shape};

/// `NAME=value`, or `otherwise`.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(otherwise)
}

/// A new seed each time, unless one is given.
pub(crate) fn seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    setting("KLAMM_CHECK_SEED", now)
}

/// `KLAMM_CHECK_WITHOUT=Check,CreateTtl`: operations to leave out.
fn without() -> Vec<Operation> {
    let names = std::env::var("KLAMM_CHECK_WITHOUT").unwrap_or_default();
    names.split(',').filter_map(Operation::by_name).collect()
}

pub(crate) fn campaign(subject: &str, reference: &str, requests: u64) -> Campaign {
    Campaign {
        addresses: Both {
            subject: subject.to_owned(),
            reference: reference.to_owned(),
        },
        requests,
        seed: seed(),
        shape: Shape {
            sessions: 4,
            requests: 500,
            expire_in: 1000,
            without: without(),
        },
        shrink: true,
    }
}

pub(crate) fn play(campaign: &Campaign) -> Result<Verdict> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(run(campaign, &mut |_| {}))?)
}

pub(crate) fn explain(campaign: &Campaign, verdict: &Verdict) -> String {
    let mut text = format!(
        "seed {}, round {:?}, after {} requests\n",
        campaign.seed, verdict.round, verdict.requests
    );
    for difference in verdict.differences.iter().take(5) {
        text += &difference.to_string();
        text.push('\n');
    }
    if let Some((steps, differences)) = &verdict.shrunk {
        text.push_str("as short as it gets:\n");
        for step in steps {
            text += "  ";
            text += &step.to_string();
            text.push('\n');
        }
        for difference in differences.iter().take(5) {
            text += &difference.to_string();
            text.push('\n');
        }
    }
    text
}

pub(crate) fn tick() -> ZooKeeperOptions {
    ZooKeeperOptions {
        tick: 500,
        configuration: "maxSessionTimeout=40000\n".to_owned(),
        ..ZooKeeperOptions::default()
    }
}

/// The check itself: two of the same must be the same, however the requests fall.
#[test]
fn apache_zookeeper_does_not_differ_from_itself() -> Result<()> {
    let rig = Rig::new()?;
    let one = ZooKeeper::start(&rig, "one", &tick())?;
    let other = ZooKeeper::start(&rig, "other", &tick())?;
    let campaign = campaign(
        &one.address,
        &other.address,
        setting("KLAMM_CHECK_REQUESTS", 20_000) / 10,
    );
    let verdict = play(&campaign)?;
    assert!(
        verdict.differences.is_empty(),
        "{}",
        explain(&campaign, &verdict)
    );
    assert!(
        verdict.events > 0 && verdict.operations.len() > 20,
        "{verdict:?}"
    );
    Ok(())
}
