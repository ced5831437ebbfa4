//! Every way in, by every client: plain, TLS, client certificates, SCRAM; and nobody comes in who may not.

use std::io::Write as _;
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::support::Machine;
use crate::support::machine::text;
use crate::support::manifests::{Cluster, PERSISTENT};
use crate::support::witness::round_trip;

const LISTENERS: &str = "      - {name: plain, port: 9092, type: internal, tls: false}
      - {name: tls, port: 9093, type: internal, tls: true}
      - {name: mtls, port: 9094, type: internal, tls: true, authentication: {type: tls}}
      - {name: scram, port: 9095, type: internal, tls: true, authentication: {type: scram-sha-512}}
      - {name: cip, port: 9096, type: cluster-ip, tls: true}
      - {name: node, port: 9097, type: nodeport, tls: false}
      - {name: balancer, port: 9098, type: loadbalancer, tls: true}
      - {name: ingress, port: 9099, type: ingress, tls: true, configuration: {class: nginx, bootstrap: {host: b.example.org}, hostTemplate: 'broker-{nodeId}.example.org'}}
";

const AUTHORIZATION: &str = "    authorization: {type: simple, superUsers: [CN=admin]}\n";

/// One secured node, and the credentials of its users.
struct Secured {
    machine: Machine,
}

impl Secured {
    fn up() -> Self {
        let machine = Machine::new();
        let told = machine.up(&Cluster {
            listeners: LISTENERS,
            more: AUTHORIZATION,
            ..Cluster::dual("safe", 1, PERSISTENT)
        }
        .yaml());
        for address in ["plain", "scram", "balancer"].map(|name| machine.bootstrap("safe", name)) {
            assert!(told.contains(&address), "{address} is not printed: {told}");
        }
        Self { machine }
    }

    fn bootstrap(&self, listener: &str) -> String {
        self.machine.bootstrap("safe", listener)
    }

    fn file(&self, name: &str) -> String {
        self.machine.write(name, "")
    }

    /// The CA that a listener's certificate is checked against, as `klamm up` leaves it.
    fn ca(&self, listener: &str) -> String {
        let file = format!("{listener}-ca.crt");
        let path = self.machine.home().join("connect/default/safe").join(file);
        path.display().to_string()
    }

    /// Makes a client certificate by hand, from the clients CA's Secrets.
    fn issue(&self, user: &str) {
        let (key, certificate) = self.machine.kube(async |client| {
            let secrets = Api::<Secret>::default_namespaced(client);
            let read = async |name: &str, key: &str| {
                let data = secrets.get(name).await.unwrap().data.unwrap();
                String::from_utf8(data[key].0.clone()).unwrap()
            };
            (
                read("safe-clients-ca", "ca.key").await,
                read("safe-clients-ca-cert", "ca.crt").await,
            )
        });
        let ca_key = self.machine.write("clients-ca.key", &key);
        let ca = self.machine.write("clients-ca.crt", &certificate);
        let [user_key, request, user_certificate] =
            ["key", "csr", "crt"].map(|kind| self.file(&format!("{user}.{kind}")));
        let subject = format!("/CN={user}");
        openssl(&[
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", &user_key, "-subj",
            &subject, "-out", &request,
        ]);
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-out",
            &user_certificate,
        ]);
        let both = [&user_key, &user_certificate]
            .map(|file| std::fs::read_to_string(file).unwrap())
            .concat();
        let pem = self.machine.write(&format!("{user}.pem"), &both);
        let properties = format!(
            "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
             ssl.keystore.type=PEM\nssl.keystore.location={pem}\n",
            self.ca("mtls")
        );
        self.machine
            .write(&format!("{user}.properties"), &properties);
    }

    /// Settings of librdkafka for a user with a certificate.
    fn certificate_settings(&self, user: &str) -> Vec<String> {
        let file = |kind: &str| self.machine.home().with_file_name(format!("{user}.{kind}"));
        vec![
            "security.protocol=SSL".to_owned(),
            format!("ssl.ca.location={}", self.ca("mtls")),
            format!("ssl.key.location={}", file("key").display()),
            format!("ssl.certificate.location={}", file("crt").display()),
        ]
    }

    fn scram_settings(&self, password: &str) -> Vec<String> {
        vec![
            "security.protocol=SASL_SSL".to_owned(),
            "sasl.mechanism=SCRAM-SHA-512".to_owned(),
            "sasl.username=bob".to_owned(),
            format!("sasl.password={password}"),
            format!("ssl.ca.location={}", self.ca("scram")),
        ]
    }

    /// One of Kafka's tools on a listener, with the properties file of a user.
    fn tool(
        &self,
        tool: &str,
        listener: &str,
        user: &str,
        arguments: &[&str],
        input: &str,
    ) -> String {
        let mut command = self.machine.command();
        command.args([
            "kafka",
            tool,
            "--bootstrap-server",
            &self.bootstrap(listener),
        ]);
        if user != "ANONYMOUS" {
            let properties = self
                .machine
                .home()
                .with_file_name(format!("{user}.properties"));
            command.arg("--command-config").arg(properties);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A tool that refuses at once does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        text(&child.wait_with_output().unwrap())
    }

    /// Kafka's console tools produce a message and read the topic from its beginning.
    fn console_round_trip(&self, listener: &str, user: &str, before: usize) {
        let message = format!("{user} over {listener}\n");
        self.tool(
            "console-producer",
            listener,
            user,
            &["--topic", "hello"],
            &message,
        );
        // It ends with the last message, not with a time that passes.
        let count = (before + 1).to_string();
        let read = [
            "--topic",
            "hello",
            "--from-beginning",
            "--max-messages",
            &count,
            "--timeout-ms",
            "60000",
        ];
        let found = self.tool("console-consumer", listener, user, &read, "");
        assert!(found.contains(message.trim()), "{listener}: {found}");
    }

    fn refused(&self, listener: &str, settings: &[String]) -> String {
        let mut command = Command::new("kcat");
        command.args([
            "-b",
            &self.bootstrap(listener),
            "-m",
            "5",
            "-t",
            "hello",
            "-C",
            "-e",
        ]);
        for setting in settings {
            command.args(["-X", setting]);
        }
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{listener}: {}", text(&output));
        text(&output)
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        text(&output)
    );
}

fn kcat_reads(bootstrap: &str, settings: &[String]) {
    let mut command = Command::new("kcat");
    command.args([
        "-b",
        bootstrap,
        "-t",
        "hello",
        "-C",
        "-e",
        "-o",
        "beginning",
    ]);
    for setting in settings {
        command.args(["-X", setting]);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success() && !output.stdout.is_empty(),
        "{bootstrap}: {}",
        text(&output)
    );
}

#[test]
fn every_client_comes_in_by_every_listener_and_nobody_else_does() {
    let safe = Secured::up();
    for user in ["admin", "alice", "mallory"] {
        safe.issue(user);
    }
    make_users(&safe);

    let tls = |listener: &str| {
        vec![
            "security.protocol=SSL".to_owned(),
            format!("ssl.ca.location={}", safe.ca(listener)),
        ]
    };
    // Python and kcat on every listener; kcat's SCRAM is broken in Debian 12.
    let ways = [
        ("plain", Vec::new()),
        ("tls", tls("tls")),
        ("mtls", safe.certificate_settings("alice")),
        ("cip", tls("cip")),
        ("node", Vec::new()),
        ("balancer", tls("balancer")),
        ("ingress", tls("ingress")),
    ];
    for (listener, settings) in &ways {
        round_trip(&safe.bootstrap(listener), "hello", settings);
        kcat_reads(&safe.bootstrap(listener), settings);
    }
    round_trip(
        &safe.bootstrap("scram"),
        "hello",
        &safe.scram_settings("secret-1"),
    );

    safe.machine.write(
        "tls.properties",
        &format!(
            "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
            safe.ca("tls")
        ),
    );
    let consoles = [
        ("plain", "ANONYMOUS"),
        ("tls", "tls"),
        ("mtls", "alice"),
        ("scram", "bob"),
    ];
    for (index, (listener, user)) in consoles.into_iter().enumerate() {
        safe.console_round_trip(listener, user, ways.len() + 1 + index);
    }

    // Who may not, is refused: without rights, without a certificate, with a wrong password.
    let told = safe.tool(
        "console-producer",
        "mtls",
        "mallory",
        &["--topic", "hello"],
        "no\n",
    );
    assert!(told.contains("TopicAuthorizationException"), "{told}");
    let told = safe.refused("mtls", &safe.certificate_settings("mallory"));
    assert!(told.contains("authorization failed"), "{told}");
    safe.refused("mtls", &tls("mtls"));
    let mut wrong = safe.scram_settings("secret-2");
    wrong.push("security.protocol=SASL_SSL".to_owned());
    safe.refused("scram", &wrong);

    // What nothing outside this machine reaches is said, and is no failure.
    let status = safe.machine.status("safe");
    assert_eq!(status["ready"], true, "{status:#}");
    for listener in ["node", "balancer", "ingress"] {
        let told = status["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|warning| {
                let message = warning["message"].as_str().unwrap();
                warning["reason"] == "ListenerNotReachable"
                    && message.contains(&format!("listener {listener} "))
            });
        assert!(told, "no warning about {listener}: {status:#}");
    }
}

/// A SCRAM user and rights, made with Kafka's own tools by a super user with a certificate.
fn make_users(safe: &Secured) {
    let told = safe.tool(
        "configs",
        "mtls",
        "admin",
        &[
            "--alter",
            "--add-config",
            "SCRAM-SHA-512=[password=secret-1]",
            "--entity-type",
            "users",
            "--entity-name",
            "bob",
        ],
        "",
    );
    assert!(
        told.contains("Completed updating config for user bob"),
        "{told}"
    );
    let told = safe.tool(
        "acls",
        "mtls",
        "admin",
        &[
            "--add",
            "--allow-principal",
            "User:CN=alice",
            "--allow-principal",
            "User:bob",
            "--allow-principal",
            "User:ANONYMOUS",
            "--operation",
            "All",
            "--topic",
            "hello",
            "--group",
            "*",
        ],
        "",
    );
    assert!(told.contains("Adding ACLs"), "{told}");
    let scram = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"bob\" password=\"secret-1\";\n",
        safe.ca("scram")
    );
    safe.machine.write("bob.properties", &scram);
}
