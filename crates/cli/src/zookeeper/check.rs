//! `klamm zookeeper check`: the same requests to two servers, and what they do not answer alike.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use zookeeper_check::campaign::{self, Campaign, Verdict};
use zookeeper_check::generate::{Operation, Shape};
use zookeeper_check::proxy::Proxy;
use zookeeper_check::{Both, Difference, LinkError};

use crate::args::zookeeper::Check;
use crate::{BAD_INPUT, output};

/// Progress is told about this often.
const TELL_EVERY: u64 = 10_000;

pub(super) fn run(args: Check) -> anyhow::Result<ExitCode> {
    let Check {
        upstream,
        against,
        listen,
        random,
        seed,
        sessions,
        expire_in,
        without,
    } = args;
    let addresses = Both {
        subject: upstream,
        reference: against,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let Some(listen) = listen {
        return runtime.block_on(stand_between(addresses, listen));
    }
    let without: anyhow::Result<_> = without
        .iter()
        .map(|name| {
            Operation::by_name(name).ok_or_else(|| {
                anyhow!(
                    "--without {name}: not an operation; expected for instance createTTL, one of: {}",
                    Operation::names().join(", ")
                )
            })
        })
        .collect();
    let without = match without {
        Ok(without) => without,
        Err(error) => {
            output::error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let campaign = Campaign {
        addresses,
        requests: random.unwrap_or_default(),
        seed: seed.unwrap_or_else(|| now.map_or(0, |since| since.as_secs())),
        shape: Shape {
            sessions,
            requests: 1000,
            expire_in,
            without,
        },
        shrink: true,
    };
    output::progress(&format!("seed {}", campaign.seed));
    let mut told = 0;
    let verdict = runtime.block_on(campaign::run(&campaign, &mut |done| {
        if done / TELL_EVERY > told {
            told = done / TELL_EVERY;
            output::progress(&format!("{done} of {} requests", campaign.requests));
        }
    }));
    match verdict {
        Ok(verdict) => Ok(tell(campaign.seed, &verdict)),
        // The hint of other commands is about an API server.
        Err(error) => {
            output::progress(&format!(
                "klamm: {}",
                unreachable(&campaign.addresses, &error)
            ));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Which of the servers could not be asked, and what to look at.
fn unreachable(addresses: &Both<String>, error: &LinkError) -> String {
    let (LinkError::Connect { address, .. } | LinkError::Protocol { address, .. }) = error;
    let (option, what) = if *address == addresses.reference {
        ("--against", "an Apache ZooKeeper 3.9")
    } else {
        ("--upstream", "the server that is checked")
    };
    let cause =
        std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!(
        "{option} {error}{cause}\nIt must be {what}, and serve clients there: `echo srvr | nc HOST PORT` asks it."
    )
}

/// Serves clients until a signal; tells each difference as it is found.
async fn stand_between(
    addresses: Both<String>,
    listen: std::net::SocketAddr,
) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("--listen {listen}"))?;
    output::progress(&format!(
        "{listen} answers as {}, compared with {}; Ctrl-C ends it",
        addresses.subject, addresses.reference
    ));
    let mut proxy = Proxy::start(listener, addresses);
    let mut found = 0_u64;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            difference = proxy.next_difference() => match difference {
                Some(difference) => {
                    found += 1;
                    output::result(&difference.to_string());
                }
                None => break,
            },
        }
    }
    let counts = proxy.counts().await;
    output::result(&format!(
        "{} requests and {} events compared, {found} differences",
        counts.requests, counts.events
    ));
    Ok(status(found == 0))
}

fn status(same: bool) -> ExitCode {
    if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell(seed: u64, verdict: &Verdict) -> ExitCode {
    let Verdict {
        requests,
        events,
        operations,
        differences,
        shrunk,
        round,
    } = verdict;
    for (operation, count) in operations {
        output::result(&format!("{count:>9} {operation}"));
    }
    let list = |differences: &[Difference]| {
        for difference in differences {
            output::result(&difference.to_string());
        }
    };
    if let Some(round) = round {
        output::result(&format!("seed {seed}, round {round}:"));
        list(differences);
    }
    if let Some((steps, differences)) = shrunk {
        output::result("as short as it gets:");
        for step in steps {
            output::result(&format!("  {step}"));
        }
        list(differences);
    }
    output::result(&format!(
        "{requests} requests and {events} events compared, {} differences",
        differences.len()
    ));
    status(differences.is_empty())
}
