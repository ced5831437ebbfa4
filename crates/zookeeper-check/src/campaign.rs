//! Random requests to both servers, round after round; a round that shows a difference is made as short as it gets.
//!
//! Each round works below a node of its own with sessions of its own, so a round can be repeated on the same servers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use zookeeper_protocol::{
    ConnectRequest, Create, CreateKind, Op, Reply, Request, RequestFrame, any_acl,
};

use crate::compare::Ending;
use crate::generate::{Action, Shape, Step, steps};
use crate::link::{Link, LinkError};
use crate::mapping::Both;
use crate::pair::{Difference, Order, Pair, Shared, goes_alone, number_for};

/// Long enough that no session expires by itself.
const TIMEOUT_MS: i32 = 40_000;
/// How long a silent session may outlive its timeout before that is a difference.
const EXPIRY_LIMIT: Duration = Duration::from_mins(1);
/// Tries at making a failing round shorter.
const SHRINK_TRIES: usize = 400;
/// Time spent on it.
const SHRINK_LIMIT: Duration = Duration::from_mins(2);

/// What to run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The servers, `HOST:PORT`.
    pub addresses: Both<String>,
    /// Requests in all; those that end the last round come on top.
    pub requests: u64,
    /// The seed; the same one makes the same requests.
    pub seed: u64,
    /// What a round looks like.
    pub shape: Shape,
    /// Whether to make a failing round shorter.
    pub shrink: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Requests compared.
    pub requests: u64,
    /// Events compared.
    pub events: u64,
    /// Requests by operation.
    pub operations: std::collections::BTreeMap<String, u64>,
    /// The differences of the first round that showed any.
    pub differences: Vec<Difference>,
    /// The shortest steps found that show a difference, and which.
    pub shrunk: Option<(Vec<Step>, Vec<Difference>)>,
    /// The round that failed.
    pub round: Option<u64>,
}

/// Runs until the requests are done or a round shows a difference. `progress` is told the requests so far.
pub async fn run(
    campaign: &Campaign,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Verdict, LinkError> {
    let mut rig = Rig::new(&campaign.addresses);
    let mut verdict = Verdict::default();
    let mut round = 0;
    let mut left = campaign.requests;
    let mut shape = campaign.shape.clone();
    while left > 0 && verdict.differences.is_empty() {
        shape.requests = campaign.shape.requests.min(left);
        let base = rig.fresh_base(campaign.seed);
        let plan = steps(&shape, campaign.seed, round, &base);
        verdict.differences = rig.play(&base, &plan).await?;
        // Fewer than were planned, where a session ended; more, with what begins and ends a round.
        let sent = rig.order.lock().await.requests;
        left = campaign.requests.saturating_sub(sent);
        progress(sent.min(campaign.requests));
        if !verdict.differences.is_empty() {
            verdict.round = Some(round);
        }
        round += 1;
    }
    {
        let shared = rig.order.lock().await;
        verdict.requests = shared.requests;
        verdict.events = shared.events;
        verdict.operations = shared.operations.clone();
    }
    if let Some(round) = verdict.round
        && campaign.shrink
    {
        verdict.shrunk = shrink(
            &mut rig,
            (campaign.seed, &shape),
            round,
            &verdict.differences,
        )
        .await?;
    }
    Ok(verdict)
}

struct Rig {
    order: Order,
    differences: mpsc::UnboundedReceiver<Difference>,
    addresses: Both<String>,
    plays: u64,
}

impl Rig {
    fn new(addresses: &Both<String>) -> Self {
        let (shared, differences) = Shared::new(addresses.clone());
        Self {
            order: Arc::new(Mutex::new(shared)),
            differences,
            addresses: addresses.clone(),
            plays: 0,
        }
    }

    /// All of one length, so that steps stay the same from one try to the next.
    fn fresh_base(&mut self, seed: u64) -> String {
        self.plays += 1;
        format!("/check-{:08x}-{:06}", seed & 0xffff_ffff, self.plays)
    }

    /// Plays steps below `base` and returns what was not the same.
    async fn play(&mut self, base: &str, plan: &[Step]) -> Result<Vec<Difference>, LinkError> {
        let sessions = plan.iter().map(|step| step.session + 1).max().unwrap_or(1);
        let mut players: Vec<Player> = (0..sessions).map(Player::new).collect();
        let create = Request::Create(Create {
            kind: CreateKind::Create,
            path: base.to_owned(),
            data: None,
            acl: any_acl(),
            flags: 0,
        });
        let order = Arc::clone(&self.order);
        let mut shared = order.lock().await;
        if let Some(first) = players.first_mut() {
            first.ask(&mut shared, vec![create]).await?;
        }
        for step in plan {
            if let Action::Expire(paths) = &step.action {
                expire(&self.addresses, &mut shared, &mut players, paths).await?;
                continue;
            }
            let Some(player) = players.get_mut(step.session) else {
                continue;
            };
            match &step.action {
                Action::Ask(requests) => player.ask(&mut shared, requests.clone()).await?,
                Action::Reconnect => player.reconnect(&mut shared).await?,
                Action::Close | Action::Expire(_) => {
                    player.ask(&mut shared, vec![Request::CloseSession]).await?;
                }
            }
        }
        // Events still on their way come before these answers; the ends of sessions then show each other theirs.
        for player in &mut players {
            player.ask(&mut shared, vec![Request::Ping]).await?;
        }
        for player in &mut players {
            player.ask(&mut shared, vec![Request::CloseSession]).await?;
        }
        drop(shared);
        let mut differences = Vec::new();
        while let Ok(difference) = self.differences.try_recv() {
            differences.push(difference);
        }
        Ok(differences)
    }
}

/// One of the sessions of a round.
struct Player {
    pair: Pair,
    number: i32,
    /// The subject's newest transactions, as told to this session.
    seen: VecDeque<i64>,
}

impl Player {
    fn new(index: usize) -> Self {
        Self {
            pair: Pair::new(&format!("session {index}")),
            number: 0,
            seen: VecDeque::new(),
        }
    }

    async fn ensure(&mut self, shared: &mut Shared) -> Result<(), LinkError> {
        if self.pair.is_connected() {
            return Ok(());
        }
        // A connection that the servers closed leaves its session behind: go on with that.
        let last = self.pair.last_zxid;
        self.pair
            .connect(shared, TIMEOUT_MS, last, Some(false))
            .await?;
        if !self.pair.is_connected() {
            self.pair.forget();
            self.pair
                .connect(shared, TIMEOUT_MS, 0, Some(false))
                .await?;
        }
        Ok(())
    }

    async fn reconnect(&mut self, shared: &mut Shared) -> Result<(), LinkError> {
        self.ensure(shared).await?;
        let last = self.pair.last_zxid;
        self.pair
            .connect(shared, TIMEOUT_MS, last, Some(false))
            .await
            .map(drop)
    }

    async fn ask(&mut self, shared: &mut Shared, requests: Vec<Request>) -> Result<(), LinkError> {
        self.ensure(shared).await?;
        let mut batch = Vec::new();
        for mut request in requests {
            if let Request::SetWatches(watches) | Request::SetWatches2(watches) = &mut request {
                let ago = usize::try_from(watches.relative_zxid).unwrap_or(0);
                let last = self.pair.last_zxid;
                watches.relative_zxid = self.seen.iter().rev().nth(ago).copied().unwrap_or(last);
            }
            let number = number_for(&request, &mut self.number);
            let alone = goes_alone(request.op());
            if alone && !batch.is_empty() {
                self.exchange(shared, std::mem::take(&mut batch)).await;
            }
            batch.push((number, request));
            if alone {
                self.exchange(shared, std::mem::take(&mut batch)).await;
            }
        }
        if !batch.is_empty() {
            self.exchange(shared, batch).await;
        }
        Ok(())
    }

    async fn exchange(&mut self, shared: &mut Shared, batch: Vec<(i32, Request)>) {
        let closes = batch
            .iter()
            .any(|(_, request)| request.op() == Op::CloseSession);
        let segments = self.pair.exchange(shared, &batch).await;
        // After these a server closes the connection, sooner or later: what is asked next would be answered by chance.
        if batch
            .iter()
            .any(|(_, request)| matches!(request.op(), Op::Check | Op::Unknown(_)))
        {
            self.pair.disconnect();
        }
        if closes {
            self.pair.forget();
            self.seen.clear();
        }
        for segment in segments {
            if let Ending::Answer(header, _) = segment.ending
                && !shared.mapping.apart
            {
                self.seen.push_back(header.zxid);
                if self.seen.len() > 32 {
                    self.seen.pop_front();
                }
            }
        }
    }
}

/// A session falls silent on both servers; both must give it up, and its nodes with it.
async fn expire(
    addresses: &Both<String>,
    shared: &mut Shared,
    players: &mut [Player],
    paths: &[String],
) -> Result<(), LinkError> {
    let mut silent = Player::new(players.len());
    silent.pair.connect(shared, 1, 0, Some(false)).await?;
    let creates = paths
        .iter()
        .map(|path| {
            Request::Create(Create {
                kind: CreateKind::Create2,
                path: path.clone(),
                data: None,
                acl: any_acl(),
                flags: 1,
            })
        })
        .collect();
    silent.ask(shared, creates).await?;
    let last = silent.pair.last_zxid;
    let timeout = silent.pair.timeout;
    silent.pair.disconnect();
    shared.mapping.apart = true;
    let begun = Instant::now();
    for (address, who) in [
        (&addresses.subject, "the subject"),
        (&addresses.reference, "the reference"),
    ] {
        let mut watcher = Probe::open(address).await?;
        let owner = match who {
            "the subject" => silent.pair.identity().subject.0,
            _ => silent.pair.identity().reference.0,
        };
        while watcher.owns_any(owner, paths).await {
            if begun.elapsed() > EXPIRY_LIMIT {
                shared.report(crate::pair::Difference {
                    session: "a silent session".to_owned(),
                    request: format!("keeps its nodes {paths:?} beyond its {timeout} ms"),
                    wrong: vec![format!("{who} did not give it up")],
                });
                break;
            }
            for player in players.iter_mut() {
                if player.pair.is_connected() {
                    player.ask(shared, vec![Request::Ping]).await?;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        watcher.close().await;
    }
    shared.mapping.apart = false;
    shared.session_ended();
    // It is gone on both: coming back is refused by both.
    silent
        .pair
        .connect(shared, 1, last, Some(false))
        .await
        .map(drop)
}

/// A session of our own on one server, for looking.
struct Probe {
    link: Option<Link>,
}

impl Probe {
    async fn open(address: &str) -> Result<Self, LinkError> {
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: 0,
            timeout: TIMEOUT_MS,
            session_id: 0,
            password: bytes::Bytes::from_static(&[0; 16]),
            read_only: Some(false),
        };
        let (link, _) = Link::open(address, &request).await?;
        Ok(Self { link })
    }

    async fn call(&mut self, request: &Request) -> Option<Reply> {
        let link = self.link.as_mut()?;
        let frame = RequestFrame {
            xid: 1,
            request: request.clone(),
        };
        link.send(&[frame.encode()]).await.ok()?;
        Reply::decode(link.next().await?, |_| request.op()).ok()
    }

    async fn owns_any(&mut self, owner: i64, paths: &[String]) -> bool {
        for path in paths {
            let request = Request::Exists {
                path: path.clone(),
                watch: false,
            };
            if let Some(Reply::Answer(_, zookeeper_protocol::Response::Stat(stat))) =
                self.call(&request).await
                && stat.ephemeral_owner == owner
            {
                return true;
            }
        }
        false
    }

    async fn close(&mut self) {
        // Its answer is of no interest.
        let _ = self.call(&Request::CloseSession).await;
    }
}

/// What the first difference is about: a shorter plan that shows something else is no shorter plan.
fn first_operation(differences: &[Difference]) -> String {
    let first = differences.first();
    let request = first.map_or("", |difference| difference.request.as_str());
    request.split(' ').next().unwrap_or_default().to_owned()
}

/// Leaves out steps as long as a difference about the same operation remains.
async fn shrink(
    rig: &mut Rig,
    (seed, shape): (u64, &Shape),
    round: u64,
    found: &[Difference],
) -> Result<Option<(Vec<Step>, Vec<Difference>)>, LinkError> {
    let operation = first_operation(found);
    let begun = Instant::now();
    let mut tries = 0;
    let mut best: Option<(Vec<Step>, Vec<Difference>)> = None;
    // Positions of the steps kept.
    let whole = steps(shape, seed, round, &rig.fresh_base(seed));
    let mut kept: Vec<usize> = (0..whole.len()).collect();
    let mut chunk = kept.len().div_ceil(2);
    while chunk > 0 && tries < SHRINK_TRIES && begun.elapsed() < SHRINK_LIMIT {
        let mut from = 0;
        let mut shorter = false;
        while from < kept.len() && tries < SHRINK_TRIES && begun.elapsed() < SHRINK_LIMIT {
            let mut fewer = kept.clone();
            fewer.drain(from..(from + chunk).min(kept.len()));
            let base = rig.fresh_base(seed);
            let all = steps(shape, seed, round, &base);
            let plan: Vec<Step> = fewer
                .iter()
                .filter_map(|at| all.get(*at).cloned())
                .collect();
            tries += 1;
            let differences = rig.play(&base, &plan).await?;
            if differences.is_empty() || first_operation(&differences) != operation {
                from += chunk;
            } else {
                kept = fewer;
                best = Some((plan, differences));
                shorter = true;
            }
        }
        if chunk == 1 && !shorter {
            break;
        }
        chunk = if chunk == 1 { 1 } else { chunk.div_ceil(2) };
    }
    Ok(best)
}
