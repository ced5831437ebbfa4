//! Every write of a story × {the operator dies before it, dies after it, loses the reply}: one of the three at each
//! write, in turn, and with `KLAMM_CAMPAIGN` set all of them.
//!
//! Oracle: the story ends as it ends without the fault, no disk is formatted twice, and afterwards there is nothing
//! more to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use operator::faults::{Fault, Faults};
use operator::kinds;
use tokio::sync::Notify;

use super::manifests;
use super::world::{World, Writes};

/// A fault at the n-th write, counted from 1, heartbeats left out.
#[derive(Clone, Copy)]
struct Point {
    number: u64,
    fault: Fault,
}

struct Struck {
    faults: Faults,
    /// How many writes there were.
    writes: Arc<AtomicU64>,
    /// Told when the fault strikes.
    told: Arc<Notify>,
}

fn strike(point: Point) -> Struck {
    let writes = Arc::new(AtomicU64::new(0));
    let told = Arc::new(Notify::new());
    let (counted, strikes) = (Arc::clone(&writes), Arc::clone(&told));
    let faults = Faults::judged_by(move |call| {
        if !call.is_write() || call.is_heartbeat() {
            return Fault::None;
        }
        if counted.fetch_add(1, Ordering::SeqCst) + 1 == point.number {
            strikes.notify_one();
            return point.fault;
        }
        Fault::None
    });
    Struck {
        faults,
        writes,
        told,
    }
}

/// A story: what is done to the world while an operator runs, until it is over.
trait Story {
    /// Before the operator that is struck starts.
    fn prepare(world: &World) -> impl Future<Output = ()>;
    /// While it runs.
    fn act(world: &World) -> impl Future<Output = ()>;
    /// Whether it has come to its end.
    fn is_over(world: &World) -> impl Future<Output = bool>;
    /// How many disks are formatted in all of it.
    const FORMATS: usize;
}

/// Runs the story with one fault; says whether the fault struck at all.
async fn run<S: Story>(point: Point) -> bool {
    let lethal = matches!(point.fault, Fault::Hang | Fault::HangAfter);
    let number = point.number;
    let label = format!("write {} × {:?}", point.number, point.fault);
    let world = World::start().await;
    S::prepare(&world).await;
    let struck = strike(point);
    let mut operator = world.operator_with(struck.faults, "a");
    S::act(&world).await;
    if lethal {
        let over = async {
            while !S::is_over(&world).await {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::select! {
            () = struck.told.notified() => {
                // Long enough for what was sent to take effect.
                tokio::time::sleep(Duration::from_millis(50)).await;
                operator.crash().await;
                operator = world.operator();
            }
            () = over => {
                operator.stop().await;
                return false;
            }
        }
    }
    world
        .until(&format!("the story is over after {label}"), || {
            S::is_over(&world)
        })
        .await;
    assert_eq!(
        world.kubelet.formats(),
        S::FORMATS,
        "disks formatted, {label}"
    );
    assert_one_identity(&world, &label).await;
    operator.stop().await;
    assert_quiet(&world, &label).await;
    struck.writes.load(Ordering::SeqCst) >= number
}

/// An operator that starts afresh finds nothing to do.
async fn assert_quiet(world: &World, label: &str) {
    let (operator, writes): (_, Writes) = world.counted_operator();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let settled = writes.count();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(writes.count(), settled, "still something to do, {label}");
    operator.stop().await;
}

/// All disks belong to one cluster, and all directory ids differ.
async fn assert_one_identity(world: &World, label: &str) {
    let mut clusters = BTreeSet::new();
    let mut directories = BTreeSet::new();
    let claims = world.list(kinds::PERSISTENT_VOLUME_CLAIM).await;
    for claim in &claims {
        let annotations = claim.metadata.annotations.clone().unwrap_or_default();
        clusters.insert(annotations["klamm.dev/cluster-id"].clone());
        directories.insert(annotations["klamm.dev/directory-id"].clone());
    }
    assert_eq!(clusters.len(), 1, "{label}: {clusters:?}");
    assert_eq!(directories.len(), claims.len(), "{label}: {directories:?}");
}

/// How many writes a story takes without a fault.
async fn writes_of<S: Story>() -> u64 {
    let world = World::start().await;
    S::prepare(&world).await;
    let (operator, writes) = world.counted_operator();
    S::act(&world).await;
    world
        .until("the story is over", || S::is_over(&world))
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    operator.stop().await;
    writes.count()
}

/// Tells the story once for each write and fault, each in a runtime of its own, on as many threads as there are cores.
fn every_point<S: Story>(least: u64) {
    let writes = in_paused_runtime(writes_of::<S>());
    assert!(
        writes >= least,
        "only {writes} writes: the story is not told"
    );
    let faults = [Fault::Hang, Fault::HangAfter, Fault::LoseReply];
    let campaign = std::env::var_os("KLAMM_CAMPAIGN").is_some();
    let points: Vec<(u64, Fault)> = (1..=writes)
        .flat_map(|number| {
            let turn = usize::try_from(number).expect("few writes") % faults.len();
            faults
                .into_iter()
                .enumerate()
                .filter(move |(index, _)| campaign || *index == turn)
                .map(move |(_, fault)| (number, fault))
        })
        .collect();
    let (next, struck) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((number, fault)) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let point = Point {
                        number: *number,
                        fault: *fault,
                    };
                    if in_paused_runtime(run::<S>(point)) {
                        struck.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    // The last writes of the story may come after its end; all others must have been struck.
    let struck = struck.into_inner();
    assert!(
        struck * 10 >= points.len() * 9,
        "only {struck} of {} faults struck",
        points.len()
    );
}

fn in_paused_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

struct Deployment;

impl Story for Deployment {
    const FORMATS: usize = 3;

    async fn prepare(_: &World) {}

    async fn act(world: &World) {
        world.apply(&manifests::three_dual("demo")).await;
    }

    async fn is_over(world: &World) -> bool {
        world.is_ready("demo").await
    }
}

struct PodLost;

impl Story for PodLost {
    const FORMATS: usize = 3;

    async fn prepare(world: &World) {
        let operator = world.operator();
        world.apply(&manifests::three_dual("demo")).await;
        world.until_ready("demo").await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        operator.stop().await;
        world.delete(kinds::POD, "demo-dual-1").await;
        world
            .until("the Pod is gone", || async {
                world.list(kinds::POD).await.len() == 2
            })
            .await;
    }

    async fn act(_: &World) {}

    async fn is_over(world: &World) -> bool {
        world.list(kinds::POD).await.len() == 3
            && world.is_ready("demo").await
            && world
                .kubelet
                .kafka("demo")
                .state()
                .nodes
                .values()
                .all(|node| node.is_up)
    }
}

struct AppliedAgain;

impl Story for AppliedAgain {
    const FORMATS: usize = 3;

    async fn prepare(world: &World) {
        let operator = world.operator();
        world.kubelet.hold("demo-dual-2", true);
        world.apply(&manifests::three_dual("demo")).await;
        world
            .until("two Pods run", || async { world.kubelet.formats() == 2 })
            .await;
        operator.stop().await;
        world.delete(kinds::KAFKA, "demo").await;
        world
            .until("the Kafka is gone", || async {
                world.get(kinds::KAFKA, "demo").await.is_none()
            })
            .await;
        world.kubelet.hold("demo-dual-2", false);
    }

    async fn act(world: &World) {
        world.apply(&manifests::three_dual("demo")[..1]).await;
    }

    async fn is_over(world: &World) -> bool {
        world.is_ready("demo").await
    }
}

#[test]
fn a_first_deployment_survives_every_crash() {
    every_point::<Deployment>(20);
}

#[test]
fn a_lost_pod_comes_back_over_every_crash() {
    every_point::<PodLost>(1);
}

#[test]
fn a_cluster_applied_again_comes_up_over_every_crash() {
    every_point::<AppliedAgain>(10);
}

/// The operator stands still from its n-th write on, for long enough that another takes over, then goes on.
///
/// What it was about to write arrives late, and everything it was in the middle of goes on with what it saw long ago.
async fn stand_still<S: Story>(number: u64) {
    const STILL: Duration = Duration::from_mins(2);
    let label = format!("standing still at write {number}");
    let world = World::start().await;
    S::prepare(&world).await;
    let writes = AtomicU64::new(0);
    let until = std::sync::Mutex::new(None::<tokio::time::Instant>);
    let told = Arc::new(Notify::new());
    let strikes = Arc::clone(&told);
    let faults = Faults::judged_by(move |call| {
        let now = tokio::time::Instant::now();
        let mut until = until.lock().unwrap();
        let counts = call.is_write() && !call.is_heartbeat();
        if counts && writes.fetch_add(1, Ordering::SeqCst) + 1 == number {
            *until = Some(now + STILL);
            strikes.notify_one();
        }
        match *until {
            Some(until) if now < until => Fault::Delay(until - now),
            Some(_) | None => Fault::None,
        }
    });
    let first = world.operator_with(faults, "a");
    S::act(&world).await;
    told.notified().await;
    let second = world.operator_with(Faults::default(), "b");
    world
        .until(&format!("the story is over after {label}"), || {
            S::is_over(&world)
        })
        .await;
    tokio::time::sleep(STILL * 2).await;
    assert!(
        S::is_over(&world).await,
        "undone by the one who stood still, {label}"
    );
    assert_eq!(
        world.kubelet.formats(),
        S::FORMATS,
        "disks formatted, {label}"
    );
    assert_one_identity(&world, &label).await;
    first.stop().await;
    second.stop().await;
    assert_quiet(&world, &label).await;
}

#[test]
fn an_operator_that_stood_still_does_no_harm_when_it_goes_on() {
    let writes = in_paused_runtime(writes_of::<PodLost>());
    for number in 1..=writes {
        in_paused_runtime(stand_still::<PodLost>(number));
    }
    // Every seventh write of the longer story: claims, authorities, certificates, Pods and records are among them.
    let writes = in_paused_runtime(writes_of::<Deployment>());
    for number in (1..=writes).step_by(7) {
        in_paused_runtime(stand_still::<Deployment>(number));
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_fails_every_seventh_call_only_delays() {
    let world = World::start().await;
    let unwell = [
        Fault::Answer(http::StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Answer(http::StatusCode::TOO_MANY_REQUESTS),
        Fault::Fail,
        Fault::LoseReply,
        Fault::Delay(Duration::from_secs(3)),
    ];
    let faults = Faults::judged_by(move |call| match call.number % 7 {
        0 => unwell[usize::try_from(call.number / 7).unwrap() % unwell.len()],
        _ => Fault::None,
    });
    let operator = world.operator_with(faults, "a");
    world.apply(&manifests::three_dual("demo")).await;
    world.until_ready("demo").await;
    assert_eq!(world.kubelet.formats(), 3);
    assert_one_identity(&world, "an unwell API server").await;
    operator.stop().await;
    assert_quiet(&world, "an unwell API server").await;
}
