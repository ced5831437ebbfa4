//! Several clients while servers and members of etcd die, hang and come back: registers stay linearizable, a multi is
//! whole or nothing, nothing is done twice or lost, an ephemeral node goes with its session.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reference_zookeeper::{Etcd, Gateway, Rig, Version};
use zookeeper_check::client::{Client, NoAnswer};
use zookeeper_check::register::{Act, Operation, check};
use zookeeper_protocol::{Create, CreateKind, MultiOp, OpResult, Request, Response, any_acl};

use crate::random::{seed, setting};

const CLIENTS: u64 = 4;
const REGISTERS: [&str; 2] = ["/one", "/other"];
/// Long enough to outlive a server, short enough to expire within the test.
const SESSION_MS: i32 = 4000;
const PATIENCE: Duration = Duration::from_millis(1500);

/// What all clients did, per register.
struct Story {
    begun: Instant,
    over: AtomicBool,
    /// The next value to write; each is written once.
    value: AtomicU64,
    registers: [Mutex<Vec<Operation>>; 2],
    sessions: AtomicU64,
    /// Nodes whose creation was answered: path and value.
    queued: Mutex<Vec<(String, u64)>>,
    halves: Mutex<Vec<String>>,
}

impl Story {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn note(&self, register: usize, begun: u64, ended: Option<u64>, act: Act) {
        if let Some(register) = self.registers.get(register) {
            let mut history = register.lock().unwrap_or_else(PoisonError::into_inner);
            history.push(Operation { begun, ended, act });
        }
    }
}

fn number(data: Option<Bytes>) -> u64 {
    let text = data.unwrap_or_default();
    String::from_utf8_lossy(&text).parse().unwrap_or(u64::MAX)
}

const EPHEMERAL: i32 = 1;
const SEQUENTIAL: i32 = 2;

fn create(path: &str, flags: i32, data: &str) -> Request {
    Request::Create(Create {
        kind: CreateKind::Create,
        path: path.to_owned(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        acl: any_acl(),
        flags,
    })
}

fn children(path: &str) -> Request {
    Request::GetChildren {
        path: path.to_owned(),
        watch: false,
    }
}

/// Asks until it is answered; what is asked must not mind being done twice.
async fn insist(client: &mut Client, request: &Request) -> Result<Response, NoAnswer> {
    loop {
        match client.call(request.clone()).await {
            Err(NoAnswer::Lost) => {}
            Err(NoAnswer::Expired) => client.forget(),
            answer => return answer,
        }
    }
}

async fn act(story: &Story, client: &mut Client, rng: &mut StdRng) -> Result<(), NoAnswer> {
    let register = rng.random_range(0..REGISTERS.len());
    let path = REGISTERS
        .get(register)
        .copied()
        .unwrap_or("/one")
        .to_owned();
    let value = || story.value.fetch_add(1, Ordering::Relaxed);
    match rng.random_range(0..12) {
        0..4 => {
            let value = value();
            let begun = story.now();
            let answer = client
                .call(Request::SetData {
                    path,
                    data: Some(Bytes::from(value.to_string())),
                    version: -1,
                })
                .await;
            match answer {
                Ok(Response::Stat(stat)) => {
                    let ended = Some(story.now());
                    story.note(
                        register,
                        begun,
                        ended,
                        Act::Wrote(value, Some(stat.version)),
                    );
                }
                Err(NoAnswer::Refused(_)) => {}
                _ => story.note(register, begun, None, Act::Wrote(value, None)),
            }
            answer.map(drop)
        }
        4..8 => {
            // A read alone may be old; after a sync it may not.
            let begun = story.now();
            client.call(Request::Sync { path: path.clone() }).await?;
            let answer = client.call(Request::GetData { path, watch: false }).await?;
            if let Response::Data { data, stat } = answer {
                let ended = Some(story.now());
                story.note(
                    register,
                    begun,
                    ended,
                    Act::Read(number(data), stat.version),
                );
            }
            Ok(())
        }
        8 => {
            let value = value();
            let data = Some(Bytes::from(value.to_string()));
            let ops = ["/left", "/right"].map(|path| MultiOp::SetData {
                path: path.to_owned(),
                data: data.clone(),
                version: -1,
            });
            client.call(Request::Multi(ops.to_vec())).await.map(drop)
        }
        9 | 10 => {
            // Done twice, it would be there twice.
            let value = value();
            let data = value.to_string();
            let answer = client.call(create("/queue/n-", SEQUENTIAL, &data)).await?;
            if let Response::Created { path } = answer {
                let mut queued = story.queued.lock().unwrap_or_else(PoisonError::into_inner);
                queued.push((path, value));
            }
            Ok(())
        }
        _ => {
            let ops = ["/left", "/right"].map(|path| MultiOp::GetData {
                path: path.to_owned(),
                watch: false,
            });
            let answer = client.call(Request::MultiRead(ops.to_vec())).await?;
            if let Response::Multi(results) = answer
                && let [
                    OpResult::Data {
                        data: left,
                        stat: one,
                    },
                    OpResult::Data {
                        data: right,
                        stat: other,
                    },
                ] = results.as_slice()
                && (left != right || one.version != other.version)
            {
                let mut halves = story.halves.lock().unwrap_or_else(PoisonError::into_inner);
                halves.push(format!("{left:?} {right:?} {one:?} {other:?}"));
            }
            Ok(())
        }
    }
}

/// One client until the story is over. Now and then it leaves without a word, and its node must go.
async fn live(story: Arc<Story>, servers: Vec<String>, id: u64, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed ^ id);
    let first = usize::try_from(id).unwrap_or(0);
    let mut client = Client::new(servers, first, SESSION_MS, PATIENCE);
    while !story.over.load(Ordering::Relaxed) {
        if client.session() == 0 {
            let number = story.sessions.fetch_add(1, Ordering::Relaxed);
            // Whether it was made or not, it is gone in the end.
            let _ = client
                .call(create(&format!("/sessions/{number}"), EPHEMERAL, "0"))
                .await;
        }
        if act(&story, &mut client, &mut rng).await == Err(NoAnswer::Expired)
            || rng.random_ratio(1, 400)
        {
            client.forget();
        }
    }
    // It may have expired just now; then its node is gone as well.
    let _ = client.call(Request::CloseSession).await;
}

/// One fault after the other, each mended before the next.
fn trouble(gateways: &mut [Gateway], etcd: &mut Etcd, rng: &mut StdRng) -> Result<()> {
    let pause = Duration::from_millis(rng.random_range(500..2500));
    let which = rng.random_range(0..gateways.len());
    let gateway = gateways.get_mut(which).context("no gateway")?;
    let member = rng.random_range(0..etcd.members.len());
    match rng.random_range(0..5) {
        0 | 1 => {
            gateway.process.signal(Signal::SIGKILL);
            std::thread::sleep(pause);
            gateway.restart()?;
        }
        2 => {
            gateway.process.signal(Signal::SIGSTOP);
            // At times for longer than a session lasts: others must give its clients' sessions up meanwhile.
            std::thread::sleep(pause * 3);
            gateway.process.signal(Signal::SIGCONT);
        }
        3 => {
            let process = &etcd.members.get(member).context("no member")?.process;
            process.signal(Signal::SIGKILL);
            std::thread::sleep(pause);
            etcd.restart(member)?;
        }
        _ => {
            // What it was asked it still does when it wakes, long after it was asked of another.
            let process = &etcd.members.get(member).context("no member")?.process;
            process.signal(Signal::SIGSTOP);
            std::thread::sleep(pause * 3);
            process.signal(Signal::SIGCONT);
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    Ok(())
}

#[test]
fn what_was_promised_holds_while_everything_fails_in_turn() -> Result<()> {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let rig = Rig::new()?;
    let mut etcd = Etcd::start(&rig, 3, Version::Built)?;
    let mut gateways = (0..3)
        .map(|_| Gateway::start(&rig, &etcd, &[]))
        .collect::<Result<Vec<_>>>()?;
    let servers: Vec<String> = gateways.iter().map(|one| one.address.clone()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let story = Arc::new(Story {
        begun: Instant::now(),
        over: AtomicBool::new(false),
        value: AtomicU64::new(1),
        registers: [Mutex::default(), Mutex::default()],
        sessions: AtomicU64::new(0),
        queued: Mutex::default(),
        halves: Mutex::default(),
    });
    let mut outside = Client::new(servers.clone(), 0, 20_000, Duration::from_secs(5));
    runtime.block_on(async {
        for path in ["/one", "/other", "/left", "/right", "/sessions", "/queue"] {
            insist(&mut outside, &create(path, 0, "0")).await?;
        }
        Ok::<(), NoAnswer>(())
    })?;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|id| runtime.spawn(live(Arc::clone(&story), servers.clone(), id, seed)))
        .collect();
    for _ in 0..setting("KLAMM_FAULTS", 10) {
        trouble(&mut gateways, &mut etcd, &mut rng)?;
    }
    story.over.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for client in clients {
            client.await?;
        }
        anyhow::Ok(())
    })?;

    for (name, register) in REGISTERS.iter().zip(&story.registers) {
        let history = register.lock().unwrap_or_else(PoisonError::into_inner);
        let told = history.iter().filter(|one| one.ended.is_some()).count();
        assert!(
            told > 200,
            "seed {seed}: {name} has a history of {told} only"
        );
        let wrong = check(&history, 0);
        assert!(wrong.is_empty(), "seed {seed}: {name}: {wrong:#?}");
    }
    let halves = story.halves.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        halves.is_empty(),
        "seed {seed}: half a multi was seen: {halves:#?}"
    );

    let answer = runtime.block_on(insist(&mut outside, &children("/queue")))?;
    let Response::Children(names) = answer else {
        anyhow::bail!("{answer:?}");
    };
    let mut there = BTreeMap::new();
    for name in names {
        let path = format!("/queue/{name}");
        let read = Request::GetData {
            path: path.clone(),
            watch: false,
        };
        if let Response::Data { data, stat: _ } = runtime.block_on(insist(&mut outside, &read))? {
            let twice = there.insert(number(data), path);
            assert_eq!(twice, None, "seed {seed}: one create was done twice");
        }
    }
    let queued = story.queued.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(queued.len() > 50, "seed {seed}: {} creates", queued.len());
    for (path, value) in queued.iter() {
        assert_eq!(
            there.get(value),
            Some(path),
            "seed {seed}: a create was lost"
        );
    }

    // Those that left without a word expire; nothing of theirs stays.
    let sessions = story.sessions.load(Ordering::Relaxed);
    assert!(sessions > CLIENTS, "seed {seed}: no session ended early");
    let begun = Instant::now();
    loop {
        let answer = runtime.block_on(insist(&mut outside, &children("/sessions")))?;
        match answer {
            Response::Children(left) if left.is_empty() => return Ok(()),
            left => assert!(
                begun.elapsed() < reference_zookeeper::LIMIT,
                "seed {seed}: nodes outlived their sessions: {left:?}"
            ),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
