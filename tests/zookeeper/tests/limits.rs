//! Limits, and what ZooKeeper has but rarely uses: the same story is told to both, and must end the same.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use nix::sys::signal::Signal;
use reference_zookeeper::{
    Address, Etcd, Gateway, Rig, Version, ZooKeeper, ZooKeeperOptions, four_letter, wait_for,
};
use tokio::runtime::Runtime;
use zookeeper_check::client::{Client, NoAnswer};
use zookeeper_protocol::{
    Acl, Create, CreateKind, ErrorCode, Id, MultiOp, OpResult, Perms, Request, Response, any_acl,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn client(address: &str) -> Client {
    Client::new(vec![address.to_owned()], 0, 20_000, PATIENCE)
}

fn created(path: &str, data: &str, acl: Vec<Acl>) -> Create {
    Create {
        kind: CreateKind::Create,
        path: path.to_owned(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        acl,
        flags: 0,
    }
}

fn create(path: &str, data: &str) -> Request {
    Request::Create(created(path, data, any_acl()))
}

fn set(path: &str, data: &str) -> Request {
    Request::SetData {
        path: path.to_owned(),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        version: -1,
    }
}

fn get(path: &str) -> Request {
    Request::GetData {
        path: path.to_owned(),
        watch: false,
    }
}

fn delete(path: &str) -> Request {
    Request::Delete {
        path: path.to_owned(),
        version: -1,
    }
}

fn auth(who: &str) -> Request {
    Request::Auth {
        kind: 0,
        scheme: "digest".to_owned(),
        auth: Some(Bytes::copy_from_slice(who.as_bytes())),
    }
}

/// An answer as far as two servers agree on it: without zxids and times.
fn told(answer: Result<Response, NoAnswer>) -> String {
    match answer {
        Ok(Response::Data { data, stat }) => format!(
            "{} of {} bytes, version {}",
            String::from_utf8_lossy(&data.unwrap_or_default()),
            stat.data_length,
            stat.version
        ),
        Ok(Response::Stat(stat)) => {
            format!("{} bytes, version {}", stat.data_length, stat.version)
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}

fn play(runtime: &Runtime, client: &mut Client, requests: Vec<Request>) -> Vec<String> {
    let mut answers = Vec::new();
    for request in requests {
        let asked = format!("{request:?}");
        let answer = told(runtime.block_on(client.call(request)));
        answers.push(format!("{asked} -> {answer}"));
    }
    answers
}

/// Messages that are too long, one connection too many.
fn limited(address: &str) -> Result<Vec<String>> {
    let runtime = runtime()?;
    let mut first = client(address);
    let mut story = play(&runtime, &mut first, vec![create("/node", "short")]);
    let session = first.session();
    let long = "x".repeat(6000);
    let requests = vec![
        set("/node", &long),
        get("/node"),
        set("/node", &long[..4000]),
    ];
    story.extend(play(&runtime, &mut first, requests));
    ensure!(first.session() == session, "the session did not live on");

    let mut others: Vec<Client> = (0..2).map(|_| client(address)).collect();
    for other in &mut others {
        runtime.block_on(other.call(Request::Ping))?;
    }
    let one_more = || four_letter(address, "srvr").is_ok_and(|text| !text.is_empty());
    story.push(format!("one more: {}", one_more()));
    others.truncate(1);
    // The server learns of it when it reads.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
    wait_for("a free place", one_more)?;
    Ok(story)
}

#[test]
fn messages_too_long_and_connections_too_many_are_refused_as_by_apache_zookeeper() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let arguments = ["--jute-maxbuffer", "5000", "--max-client-connections", "3"];
    let gateway = Gateway::start(&rig, &etcd, &arguments)?;
    let options = ZooKeeperOptions {
        configuration: "maxClientCnxns=3\n".to_owned(),
        java: vec!["-Djute.maxbuffer=5000"],
        ..ZooKeeperOptions::default()
    };
    let reference = ZooKeeper::start(&rig, "reference", &options)?;
    let story = limited(&gateway.address)?;
    assert_eq!(story, limited(&reference.address)?);
    assert!(
        story
            .iter()
            .any(|line| line.ends_with("the connection was lost"))
    );
    assert!(story.contains(&"one more: false".to_owned()), "{story:#?}");
    Ok(())
}

/// Nobody's node is closed to the super user; quotas are counted and not enforced; there is nothing to reconfigure.
fn privileged(address: &str) -> Result<Vec<String>> {
    let runtime = runtime()?;
    let mut owner = client(address);
    let everything = Perms(31);
    let own = vec![Acl {
        perms: everything,
        id: Id {
            scheme: "auth".to_owned(),
            id: String::new(),
        },
    }];
    let private = Request::Create(created("/private", "secret", own));
    let mut story = play(&runtime, &mut owner, vec![auth("amy:of amy"), private]);
    let access = || vec![get("/private"), set("/private", "seen"), delete("/private")];
    let mut stranger = client(address);
    story.extend(play(&runtime, &mut stranger, access()));
    let mistaken = [vec![auth("super:guessed")], access()].concat();
    story.extend(play(&runtime, &mut stranger, mistaken));
    let root = [vec![auth("super:of super")], access()].concat();
    story.extend(play(&runtime, &mut stranger, root));

    let quota = "/zookeeper/quota/quoted";
    let stats = &format!("{quota}/zookeeper_stats");
    let exists = Request::Exists {
        path: stats.clone(),
        watch: false,
    };
    let reconfig = Request::Reconfig {
        joining: Some("server.9=127.0.0.1:1:2".to_owned()),
        leaving: None,
        members: None,
        config_id: -1,
    };
    let requests = vec![
        create("/quoted", "12345"),
        create("/quoted/a", "1"),
        create(quota, ""),
        create(&format!("{quota}/zookeeper_limits"), "count=2,bytes=10"),
        create(stats, "count=0,bytes=0"),
        get(stats),
        create("/quoted/b", "1234567890"),
        create("/quoted/b/deep", "123"),
        create("/quotedtoo", "not below"),
        exists,
        get(stats),
        set("/quoted/a", "1234"),
        get(stats),
        delete("/quoted/b/deep"),
        get(stats),
        get(&format!("{quota}/zookeeper_limits")),
        get("/zookeeper/config"),
        reconfig,
    ];
    let mut anybody = client(address);
    story.extend(play(&runtime, &mut anybody, requests));
    Ok(story)
}

#[test]
fn the_super_user_quotas_and_reconfig_are_answered_as_by_apache_zookeeper() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    // ZooKeeper's DigestAuthenticationProvider makes this of `super:of super`.
    let digest = "super:j7hwy+iA0r/4chIDOXY9u2yp4iM=";
    let gateway = Gateway::start(&rig, &etcd, &["--super-digest", digest])?;
    let options = ZooKeeperOptions {
        java: vec![
            "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:j7hwy+iA0r/4chIDOXY9u2yp4iM=",
        ],
        ..ZooKeeperOptions::default()
    };
    let reference = ZooKeeper::start(&rig, "reference", &options)?;
    let story = privileged(&gateway.address)?;
    assert_eq!(story, privileged(&reference.address)?);
    assert!(
        story
            .iter()
            .any(|line| line.ends_with("count=4,bytes=19 of 16 bytes, version 0")),
        "{story:#?}"
    );
    Ok(())
}

/// What mntr says of it; `None` while nobody is served.
fn outstanding(address: &str) -> Option<u64> {
    let text = four_letter(address, "mntr").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("zk_outstanding_requests\t"))?;
    line.trim().parse().ok()
}

#[test]
fn what_is_outstanding_holds_back_those_that_have_it_and_nobody_else() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let gateway = Gateway::start(&rig, &etcd, &["--max-outstanding", "5"])?;
    let member = etcd.members.first().context("no member")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut reader = client(&gateway.address);
    runtime.block_on(reader.call(create("/node", "")))?;
    // Without etcd nobody is served for long; on a machine that is too slow for that it is tried again.
    for _ in 0..10 {
        let mut writer = client(&gateway.address);
        runtime.block_on(writer.call(Request::Ping))?;
        member.process.signal(Signal::SIGSTOP);
        let written = runtime.spawn(async move {
            let requests = (0..20).map(|number| set("/node", &number.to_string()));
            writer.pipeline(requests.collect()).await
        });
        let mut seen = None;
        wait_for("requests that wait", || {
            seen = outstanding(&gateway.address);
            seen.is_none_or(|number| number >= 5)
        })?;
        // A server that has given up on etcd meanwhile answers nobody until it is back.
        let read = runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(2), reader.call(get("/node"))).await
        });
        let still = outstanding(&gateway.address);
        member.process.signal(Signal::SIGCONT);
        let written = runtime.block_on(written)?;
        if let (Some(seen), Some(still), Ok(read)) = (seen, still, read) {
            assert_eq!((seen, still), (5, 5));
            assert!(read.is_ok(), "{read:?}");
            assert_eq!(written, Ok(vec![ErrorCode::OK; 20]));
            return Ok(());
        }
        wait_for("service", || outstanding(&gateway.address).is_some())?;
    }
    anyhow::bail!("etcd was never silent for less than the server bears")
}

#[test]
fn a_multi_may_be_as_long_as_a_message_and_is_whole_or_nothing() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let gateway = Gateway::start(&rig, &etcd, &[])?;
    let runtime = runtime()?;
    let mut client = client(&gateway.address);
    let creates = |number: usize| -> Vec<MultiOp> {
        (0..number)
            .map(|number| MultiOp::Create(created(&format!("/n{number}"), "", any_acl())))
            .collect()
    };
    let below_root = |client: &mut Client| {
        runtime.block_on(client.call(Request::GetAllChildrenNumber {
            path: "/".to_owned(),
        }))
    };
    let nothing = below_root(&mut client)?;
    // More than fits into a transaction of etcd.
    let answer = runtime.block_on(client.call(Request::Multi(creates(18_000))))?;
    let Response::Multi(results) = answer else {
        anyhow::bail!("{answer:?}");
    };
    assert_eq!(
        results.first(),
        Some(&OpResult::Error(ErrorCode::BAD_ARGUMENTS))
    );
    assert_eq!(below_root(&mut client)?, nothing);
    // Much more than the operations that etcd takes, and all of it again in the other direction.
    let mut ops = creates(5000);
    runtime.block_on(client.call(Request::Multi(ops.clone())))?;
    assert_ne!(below_root(&mut client)?, nothing);
    ops = (0..5000)
        .map(|number| MultiOp::Delete {
            path: format!("/n{number}"),
            version: 0,
        })
        .collect();
    runtime.block_on(client.call(Request::Multi(ops)))?;
    assert_eq!(below_root(&mut client)?, nothing);
    Ok(())
}

/// One GET; status line and body.
fn fetch(address: &str, path: &str) -> Result<(String, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: klamm\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    Ok((
        head.lines().next().unwrap_or_default().to_owned(),
        body.to_owned(),
    ))
}

#[test]
fn metrics_are_prometheus_and_readiness_follows_etcd() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let own = Address::take()?;
    let metrics = own.port(9100);
    let gateway = Gateway::start(&rig, &etcd, &["--metrics-listen", &metrics])?;
    let runtime = runtime()?;
    let mut client = client(&gateway.address);
    runtime.block_on(client.call(create("/node", "")))?;
    let (status, text) = fetch(&metrics, "/metrics")?;
    assert!(status.contains("200"), "{status}");
    let mut samples = std::collections::BTreeMap::new();
    let mut kinds = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').context("no kind")?;
            ensure!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
            kinds.insert(name);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.split_once(' ').with_context(|| line.to_owned())?;
            ensure!(
                samples.insert(name, value.parse::<f64>()?).is_none(),
                "twice: {line}"
            );
        }
    }
    let is_known = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let family = parts.iter().find_map(|part| {
            let (family, rest) = name.rsplit_once(part)?;
            (rest.is_empty() || rest.starts_with('{')).then_some(family)
        });
        kinds.contains(name) || family.is_some_and(|family| kinds.contains(family))
    };
    assert!(samples.keys().all(|name| is_known(name)), "{text}");
    for (name, least) in [
        ("klamm_zookeeper_write_duration_seconds_count", 1.0),
        // The answer may overtake it.
        (
            "klamm_zookeeper_etcd_transaction_duration_seconds_count",
            0.0,
        ),
        ("open_file_descriptor_count", 5.0),
        ("max_file_descriptor_count", 20.0),
    ] {
        assert!(
            samples.get(name).is_some_and(|value| *value >= least),
            "{name}: {text}"
        );
    }
    assert!(
        samples
            .get("klamm_zookeeper_batches_total")
            .is_some_and(|number| *number > 0.0)
    );
    // The node and ZooKeeper's own.
    assert_eq!(samples.get("znode_count"), Some(&5.0), "{text}");
    assert!(fetch(&metrics, "/readyz")?.0.contains("200"));
    let member = etcd.members.first().context("no member")?;
    member.process.signal(Signal::SIGKILL);
    wait_for("what is told without etcd", || {
        fetch(&metrics, "/readyz").is_ok_and(|(status, _)| status.contains("503"))
    })?;
    assert!(fetch(&metrics, "/healthz")?.0.contains("200"));
    Ok(())
}

/// A figure of `/metrics`.
fn figure(address: &str, name: &str) -> Result<u64> {
    let (_, text) = fetch(address, "/metrics")?;
    let value = text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.strip_prefix(' ')?.trim().parse().ok()
    });
    value.with_context(|| format!("no {name} in {text}"))
}

#[test]
fn a_large_request_gets_through_beside_a_server_that_never_rests() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let ip = Address::take()?;
    let figures = ip.port(7000);
    let patient = Gateway::start(&rig, &etcd, &["--metrics-listen", &figures])?;
    let busy = Gateway::start(&rig, &etcd, &[])?;
    let over = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    std::thread::scope(|scope| -> Result<()> {
        let writers: Vec<_> = (0..3)
            .map(|number| {
                let (over, written, busy) = (&over, &written, &busy);
                scope.spawn(move || -> Result<()> {
                    let runtime = runtime()?;
                    let mut client = client(&busy.address);
                    let path = format!("/busy-{number}");
                    runtime.block_on(client.call(create(&path, "")))?;
                    while !over.load(Ordering::Relaxed) {
                        let sets = (0..10).map(|_| set(&path, "x")).collect();
                        runtime.block_on(client.pipeline(sets))?;
                        written.fetch_add(10, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        let outcome = large_beside(&patient, &figures, &written);
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer
                .join()
                .map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        outcome
    })
}

/// How often a server computed a transaction again.
const CONFLICTS: &str = "klamm_zookeeper_conflicts_total";

fn large_beside(patient: &Gateway, figures: &str, written: &AtomicU64) -> Result<()> {
    let runtime = runtime()?;
    let mut client = client(&patient.address);
    wait_for("busy writers", || written.load(Ordering::Relaxed) > 300)?;
    for round in 0..3 {
        let before = (figure(figures, CONFLICTS)?, written.load(Ordering::Relaxed));
        let creates = (0..3000)
            .map(|number| {
                let path = format!("/n{round}-{number}");
                MultiOp::Create(created(&path, "", any_acl()))
            })
            .collect();
        let answer = runtime.block_on(client.call(Request::Multi(creates)))?;
        let Response::Multi(results) = answer else {
            anyhow::bail!("{answer:?}");
        };
        assert!(
            matches!(results.first(), Some(OpResult::Created { .. })),
            "{:?}",
            results.first()
        );
        let tries = figure(figures, CONFLICTS)? - before.0;
        println!("round {round}: overtaken {tries} times");
        assert!(tries <= 6, "overtaken {tries} times");
        // The others go on.
        wait_for("the busy ones", || {
            written.load(Ordering::Relaxed) > before.1 + 100
        })?;
    }
    Ok(())
}

/// A call to etcd's JSON gateway.
fn ask_etcd(etcd: &Etcd, call: &str, body: &str) -> Result<()> {
    let output = std::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--data",
            body,
        ])
        .arg(format!("{}/v3/{call}", etcd.urls()))
        .output()
        .context("running curl")?;
    ensure!(
        output.status.success(),
        "{call}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(())
}

#[test]
fn a_hold_that_nobody_gives_up_stops_others_until_its_lease_ends() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let gateway = Gateway::start(&rig, &etcd, &[])?;
    let runtime = runtime()?;
    let mut client = client(&gateway.address);
    runtime.block_on(client.call(create("/before", "")))?;
    // What a server leaves that dies with it: its key, with a lease. `/klamm/h` in base64.
    ask_etcd(&etcd, "lease/grant", r#"{"TTL":4,"ID":77}"#)?;
    let held = Instant::now();
    ask_etcd(
        &etcd,
        "kv/put",
        r#"{"key":"L2tsYW1tL2g=","value":"eA==","lease":77}"#,
    )?;
    runtime.block_on(client.call(create("/after", "")))?;
    let waited = held.elapsed();
    assert!(
        waited > Duration::from_secs(2) && waited < Duration::from_secs(10),
        "{waited:?}"
    );
    Ok(())
}

#[test]
fn an_etcd_without_users_is_asked_for_a_login_once_and_not_with_each_call() -> Result<()> {
    let rig = Rig::new()?;
    let etcd = Etcd::start(&rig, 1, Version::Built)?;
    let password = rig.path().join("password");
    std::fs::write(&password, "secret")?;
    let password = password.display().to_string();
    let user = ["--etcd-user", "klamm", "--etcd-password-file", &password];
    let gateway = Gateway::start(&rig, &etcd, &user)?;
    let runtime = runtime()?;
    let mut client = client(&gateway.address);
    for number in 0..50 {
        runtime.block_on(client.call(create(&format!("/n{number}"), "")))?;
    }
    let urls = etcd.urls();
    let (_, text) = fetch(urls.trim_start_matches("http://"), "/metrics")?;
    let logins: f64 = text
        .lines()
        .filter(|line| {
            line.starts_with("grpc_server_handled_total{") && line.contains("\"Authenticate\"")
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    // Some calls begin together.
    assert!((1.0..=8.0).contains(&logins), "{logins} logins");
    Ok(())
}
