//! Unmodified Kafka 3.9, configured by hand, whose ZooKeeper is etcd.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use reference_zookeeper::{
    Broker, BrokerOptions, Etcd, Gateway, Rig, Runtime, Version, python, repository, wait_for,
};

/// Three members of etcd, three `klamm zookeeper`, three brokers.
struct Cluster {
    brokers: Vec<Broker>,
    gateways: Vec<Gateway>,
    etcd: Etcd,
    runtime: Runtime,
    rig: Rig,
}

/// Whoever has no password is an administrator here: the stories are about what is kept, not about who may.
const SECURITY: &str = "authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n\
    super.users=User:ANONYMOUS\n\
    listeners=PLAINTEXT://{ip}:9092,SASL_PLAINTEXT://{ip}:9094\n\
    sasl.enabled.mechanisms=SCRAM-SHA-512\n\
    listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=\
    org.apache.kafka.common.security.scram.ScramLoginModule required;\n";

impl Cluster {
    fn start() -> Result<Self> {
        let rig = Rig::new()?;
        let runtime = Runtime::find()?;
        let etcd = Etcd::start(&rig, 3, Version::Built)?;
        let gateways = (0..3)
            .map(|_| Gateway::start(&rig, &etcd, &[]))
            .collect::<Result<Vec<_>>>()?;
        let addresses: Vec<&str> = gateways
            .iter()
            .map(|gateway| gateway.address.as_str())
            .collect();
        let options = BrokerOptions {
            zookeeper: format!("{}/kafka", addresses.join(",")),
            properties: SECURITY.to_owned(),
        };
        let brokers = (0..3)
            .map(|id| Broker::start(&rig, id, &options))
            .collect::<Result<Vec<_>>>()?;
        for broker in &brokers {
            broker.wait()?;
        }
        Ok(Self {
            brokers,
            gateways,
            etcd,
            runtime,
            rig,
        })
    }

    fn bootstrap(&self) -> String {
        let addresses: Vec<&str> = self
            .brokers
            .iter()
            .map(|broker| broker.address.as_str())
            .collect();
        addresses.join(",")
    }

    fn broker(&mut self, id: usize) -> Result<&mut Broker> {
        self.brokers.get_mut(id).context("no such broker")
    }

    /// What a node holds, read through the first server that answers.
    fn node(&self, path: &str) -> Result<String> {
        let script = "import sys\n\
            from kazoo.client import KazooClient\n\
            client = KazooClient(hosts=sys.argv[1])\n\
            client.start(timeout=60)\n\
            client.sync(sys.argv[2])\n\
            stat = client.exists(sys.argv[2])\n\
            print(client.get(sys.argv[2])[0].decode() if stat else 'absent')\n\
            client.stop()\n";
        let hosts: Vec<&str> = self
            .gateways
            .iter()
            .filter(|gateway| gateway.process.is_running())
            .map(|gateway| gateway.address.as_str())
            .collect();
        let output = Command::new(python()?)
            .args(["-c", script, &format!("{}/kafka", hosts.join(",")), path])
            .output()?;
        if !output.status.success() {
            bail!("{path}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Leader and in-sync replicas, these sorted, as the state of a partition says.
    fn state(&self, topic: &str, partition: u32) -> Result<(i64, Vec<i64>)> {
        let text = self.node(&format!(
            "/brokers/topics/{topic}/partitions/{partition}/state"
        ))?;
        let number = |key: &str| {
            let rest = text.split_once(&format!("\"{key}\":"))?.1;
            let end = rest.find([',', '}'])?;
            rest.get(..end)?.trim().parse::<i64>().ok()
        };
        let leader = number("leader").with_context(|| format!("no leader in {text}"))?;
        let isr = text
            .split_once("\"isr\":[")
            .and_then(|(_, rest)| rest.split_once(']'))
            .with_context(|| format!("no ISR in {text}"))?
            .0;
        let mut isr: Vec<i64> = isr
            .split(',')
            .filter_map(|id| id.trim().parse().ok())
            .collect();
        isr.sort_unstable();
        Ok((leader, isr))
    }

    fn wait_state(&self, what: &str, leader: Option<i64>, isr: &[i64]) -> Result<()> {
        let mut last = String::new();
        wait_for(what, || {
            let state = self.state("orders", 0);
            last = format!("{state:?}");
            state.is_ok_and(|(now, in_sync)| {
                leader.is_none_or(|leader| leader == now) && in_sync == isr
            })
        })
        .with_context(|| last)
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let bootstrap = self.bootstrap();
        let mut line = vec!["--bootstrap-server", &bootstrap];
        line.extend(arguments);
        self.runtime.tool(&format!("kafka-{name}.sh"), &line)
    }

    fn kcat(&self, arguments: &[&str], input: &str) -> Result<String> {
        Self::kcat_at(&self.bootstrap(), arguments, input)
    }

    /// Likewise with a password, of which the brokers know from ZooKeeper.
    fn kcat_as(
        &self,
        user: &str,
        password: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String> {
        let user = format!("sasl.username={user}");
        let password = format!("sasl.password={password}");
        let mut line = vec!["-X", "security.protocol=SASL_PLAINTEXT"];
        line.extend(["-X", "sasl.mechanisms=SCRAM-SHA-512"]);
        line.extend([
            "-X",
            &user,
            "-X",
            &password,
            "-X",
            "message.timeout.ms=20000",
        ]);
        line.extend(arguments);
        Self::kcat_at(&self.bootstrap().replace(":9092", ":9094"), &line, input)
    }

    fn kcat_at(bootstrap: &str, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new("kcat")
            .args(["-b", bootstrap])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .context("no input")?
            .write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!(
                "kcat {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn all_messages(&self) -> Result<()> {
        Self::are_all(&self.kcat(&READ, "")?)
    }

    fn are_all(read: &str) -> Result<()> {
        let mut messages: Vec<&str> = read.lines().collect();
        messages.sort_unstable();
        let expected: Vec<String> = (1..=8).map(|number| format!("message {number}")).collect();
        anyhow::ensure!(messages == expected, "{messages:?}");
        Ok(())
    }
}

/// All messages there are.
const READ: [&str; 7] = ["-C", "-t", "orders", "-o", "beginning", "-e", "-q"];

/// Produces with `acks=all` until it is asked what became of it.
struct Witness {
    child: Child,
    bootstrap: String,
}

impl Witness {
    fn command() -> Result<Command> {
        let mut command = Command::new(python()?);
        command.arg(repository().join("crates/e2e/tests/support/witness.py"));
        Ok(command)
    }

    fn start(bootstrap: &str) -> Result<Self> {
        use std::io::Read as _;
        let mut child = Self::command()?
            .args(["produce", bootstrap])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = [0; 6];
        child
            .stdout
            .as_mut()
            .context("no output")?
            .read_exact(&mut ready)?;
        assert_eq!(&ready, b"ready\n");
        Ok(Self {
            child,
            bootstrap: bootstrap.to_owned(),
        })
    }

    /// Stops, and reads back every message that was acknowledged, once and in order.
    fn verify(mut self) -> Result<u64> {
        use std::io::Read as _;
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.child
            .stdout
            .take()
            .context("no output")?
            .read_to_string(&mut text)?;
        assert!(self.child.wait()?.success(), "could not deliver: {text}");
        let count: u64 = text.trim().parse()?;
        let output = Self::command()?
            .args(["verify", &self.bootstrap, &count.to_string()])
            .output()?;
        assert!(
            output.status.success() && count > 0,
            "{count} acknowledged: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(count)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The walk-through of "Kafka on etcd", with access control on, and what operators do besides.
#[test]
fn kafka_runs_on_etcd_through_failures_of_everything() -> Result<()> {
    let mut cluster = Cluster::start()?;
    walk_through(&mut cluster)?;
    administration(&cluster)?;
    let witness = Witness::start(&cluster.bootstrap())?;
    failures(&mut cluster)?;
    let count = witness.verify()?;
    assert!(count > 100, "the witness hardly produced: {count}");
    who_may_what(&cluster)?;
    cluster.all_messages()
}

fn walk_through(cluster: &mut Cluster) -> Result<()> {
    let assignment = [
        "--create",
        "--topic",
        "orders",
        "--replica-assignment",
        "0:1:2",
    ];
    cluster.tool("topics", &assignment)?;
    cluster.wait_state("the first state", Some(0), &[0, 1, 2])?;
    let messages: Vec<String> = (1..=8).map(|number| format!("message {number}")).collect();
    let messages = messages.join(
        "
",
    );
    cluster.kcat(&["-P", "-t", "orders", "-X", "acks=all"], &messages)?;
    cluster.broker(0)?.process.signal(Signal::SIGKILL);
    cluster.wait_state("the state without broker 0", Some(1), &[1, 2])?;
    cluster.broker(0)?.restart()?;
    cluster.broker(0)?.wait()?;
    cluster.wait_state("the state with all", None, &[0, 1, 2])?;
    cluster.all_messages()
}

fn administration(cluster: &Cluster) -> Result<()> {
    cluster.tool(
        "acls",
        &[
            "--add",
            "--allow-principal",
            "User:amy",
            "--operation",
            "Read",
            "--topic",
            "orders",
        ],
    )?;
    let listed = cluster.tool("acls", &["--list"])?;
    assert!(listed.contains("principal=User:amy"), "{listed}");
    assert!(
        cluster
            .node("/kafka-acl/Topic/orders")?
            .contains("User:amy")
    );

    let scram = [
        "--alter",
        "--entity-type",
        "users",
        "--entity-name",
        "amy",
        "--add-config",
        "SCRAM-SHA-512=[iterations=4096,password=secret]",
    ];
    cluster.tool("configs", &scram)?;
    assert!(cluster.node("/config/users/amy")?.contains("SCRAM-SHA-512"));
    who_may_what(cluster)?;

    let retention = [
        "--alter",
        "--entity-type",
        "topics",
        "--entity-name",
        "orders",
        "--add-config",
        "retention.ms=3600000000",
    ];
    cluster.tool("configs", &retention)?;
    let described = cluster.tool(
        "configs",
        &[
            "--describe",
            "--entity-type",
            "topics",
            "--entity-name",
            "orders",
        ],
    )?;
    assert!(described.contains("retention.ms=3600000000"), "{described}");

    let plan = cluster.rig.path().join("reassignment.json");
    std::fs::write(
        &plan,
        r#"{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[2,1,0]}]}"#,
    )?;
    let plan = plan.display().to_string();
    cluster.tool(
        "reassign-partitions",
        &["--reassignment-json-file", &plan, "--execute"],
    )?;
    let mut told = String::new();
    wait_for("the reassignment", || {
        told = cluster
            .tool(
                "reassign-partitions",
                &["--reassignment-json-file", &plan, "--verify"],
            )
            .unwrap_or_default();
        told.contains("is completed")
    })
    .with_context(|| told)?;
    assert!(cluster.node("/brokers/topics/orders")?.contains("[2,1,0]"));
    cluster.all_messages()
}

/// Amy's password and what she may do are known to every broker, and nobody else's is.
fn who_may_what(cluster: &Cluster) -> Result<()> {
    // Brokers hear of it one after the other.
    let mut told = String::new();
    wait_for("amy's reading", || {
        let read = cluster.kcat_as("amy", "secret", &READ, "");
        let read = read.and_then(|read| Cluster::are_all(&read));
        told = format!("{read:?}");
        read.is_ok()
    })
    .with_context(|| told)?;
    let write = ["-P", "-t", "orders", "-E"];
    let written = cluster.kcat_as("amy", "secret", &write, "message 9");
    let why = format!("{written:?}");
    assert!(
        written.is_err() && why.contains("uthorization failed"),
        "{why}"
    );
    let guessed = cluster.kcat_as("amy", "guessed", &READ, "");
    assert!(guessed.is_err(), "{guessed:?}");
    cluster.all_messages()
}

/// A pause in which the witness goes on producing, so that each failure is felt by it.
const BREATH: Duration = Duration::from_secs(2);

fn failures(cluster: &mut Cluster) -> Result<()> {
    // The controller falls silent, comes back after its session has expired, and must not act as controller.
    let controller = controller(cluster)?;
    cluster.broker(controller)?.process.signal(Signal::SIGSTOP);
    wait_for("another controller", || {
        self::controller(cluster).is_ok_and(|now| now != controller)
    })?;
    let others: Vec<i64> = (0..3)
        .filter(|id| usize::try_from(*id).is_ok_and(|id| id != controller))
        .collect();
    cluster.wait_state("the state without a silent broker", None, &others)?;
    cluster.broker(controller)?.process.signal(Signal::SIGCONT);
    cluster.wait_state("the state with all", None, &[0, 1, 2])?;

    // One of three servers of the protocol.
    let gateway = cluster.gateways.first_mut().context("no gateway")?;
    gateway.process.signal(Signal::SIGKILL);
    std::thread::sleep(BREATH);
    cluster.tool(
        "topics",
        &[
            "--create",
            "--topic",
            "while-one-gateway-is-gone",
            "--partitions",
            "3",
            "--replication-factor",
            "3",
        ],
    )?;
    cluster
        .gateways
        .first_mut()
        .context("no gateway")?
        .restart()?;

    // One of three members of etcd.
    let member = cluster.etcd.members.first().context("no member")?;
    member.process.signal(Signal::SIGKILL);
    std::thread::sleep(BREATH);
    cluster.tool(
        "topics",
        &[
            "--create",
            "--topic",
            "while-one-member-is-gone",
            "--partitions",
            "3",
            "--replication-factor",
            "3",
        ],
    )?;
    cluster.etcd.restart(0)?;

    // The controller dies.
    let controller = self::controller(cluster)?;
    cluster.broker(controller)?.process.signal(Signal::SIGKILL);
    wait_for("another controller", || {
        self::controller(cluster).is_ok_and(|now| now != controller)
    })?;
    cluster.broker(controller)?.restart()?;
    cluster.broker(controller)?.wait()?;
    cluster.wait_state("the state with all", None, &[0, 1, 2])?;
    let log: String = cluster.brokers.iter().map(Broker::whole_log).collect();
    assert!(!log.contains("FATAL"), "{log}");
    Ok(())
}

fn controller(cluster: &Cluster) -> Result<usize> {
    let text = cluster.node("/controller")?;
    let rest = text
        .split_once("\"brokerid\":")
        .with_context(|| format!("no controller: {text}"))?
        .1;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    Ok(rest.get(..end).unwrap_or_default().trim().parse()?)
}
