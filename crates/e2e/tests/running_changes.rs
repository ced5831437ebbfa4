//! What changes while brokers run: certificates and properties reach real Kafka without a restart.

use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
};
use serde_json::json;

use crate::support::Machine;
use crate::support::machine::{LIMIT, text};
use crate::support::manifests::{Cluster, PERSISTENT, PLAIN_AND_TLS, Pool};
use crate::support::witness::{Witness, round_trip};

/// Waits until `is` says something.
fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
}

/// The certificate that is served at an address, as PEM.
fn served(address: &str) -> Option<String> {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", address])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let begin = told.find("-----BEGIN CERTIFICATE-----")?;
    let end = told.find("-----END CERTIFICATE-----")?;
    told.get(begin..end).map(str::to_owned)
}

/// The first certificate of an entry of a Secret.
fn issued(machine: &Machine, secret: &str, entry: &str) -> Option<String> {
    let data = machine.kube(async |client| {
        let secrets = Api::<Secret>::default_namespaced(client);
        secrets.get_opt(secret).await.unwrap()?.data
    })?;
    let text = String::from_utf8(data.get(entry)?.0.clone()).unwrap();
    let end = text.find("-----END CERTIFICATE-----")?;
    text.get(..end).map(str::to_owned)
}

/// Deleted, hence issued again, hence served: on a broker's listeners and on a controller's.
fn delete_certificates(machine: &Machine, pods: &[&str; 2], [broker, controller]: [&str; 2]) {
    for (pod, addresses) in [
        (
            pods[0],
            vec![format!("{broker}:9093"), format!("{broker}:9091")],
        ),
        (pods[1], vec![format!("{controller}:9090")]),
    ] {
        let entry = format!("{pod}.crt");
        let former = issued(machine, pod, &entry);
        machine.kube(async |client| {
            let secrets = Api::<Secret>::default_namespaced(client);
            secrets.delete(pod, &DeleteParams::default()).await.unwrap();
        });
        let fresh = until(&format!("{pod} has another certificate"), || {
            issued(machine, pod, &entry).filter(|fresh| Some(fresh) != former.as_ref())
        });
        for address in addresses {
            until(&format!("{address} serves it"), || {
                served(&address).filter(|served| served.trim() == fresh.trim())
            });
        }
    }
}

/// An authority with a new certificate for its key: for clients that trust the former one and clients that trust the new.
fn renew_authority(machine: &Machine, bootstrap: &str, tls: &[String; 2]) {
    let for_clients = machine.home().join("connect/default/live/tls-ca.crt");
    let file_for_clients = || std::fs::read_to_string(&for_clients).unwrap();
    let former_file = file_for_clients();
    let former = issued(machine, "live-cluster-ca-cert", "ca.crt");
    machine.kube(async |client| {
        let secrets = Api::<Secret>::default_namespaced(client);
        let asked = json!({"metadata": {"annotations": {"strimzi.io/force-renew": "true"}}});
        let parameters = PatchParams::default();
        secrets
            .patch("live-cluster-ca-cert", &parameters, &Patch::Merge(&asked))
            .await
            .unwrap();
    });
    until("the authority is renewed", || {
        issued(machine, "live-cluster-ca-cert", "ca.crt")
            .filter(|fresh| Some(fresh) != former.as_ref())
    });
    let fresh = machine.kube(async |client| {
        let secrets = Api::<Secret>::default_namespaced(client);
        let data = secrets.get("live-cluster-ca-cert").await.unwrap().data;
        String::from_utf8(data.unwrap()["ca.crt"].0.clone()).unwrap()
    });
    for (name, ca) in [("former", former_file), ("fresh", fresh.clone())] {
        let ca = machine.write(&format!("{name}-ca.crt"), &ca);
        let trusts = [tls[0].clone(), format!("ssl.ca.location={ca}")];
        round_trip(bootstrap, &format!("trusts-{name}"), &trusts);
    }
    until("the file for clients follows", || {
        file_for_clients().contains(fresh.trim()).then_some(())
    });
}

/// A property as the broker has it in force: `key=value`.
fn in_force(machine: &Machine, key: &str) -> Option<String> {
    let output = machine.klamm(&[
        "kafka",
        "configs",
        "--bootstrap-server",
        &machine.bootstrap("live", "plain"),
        "--describe",
        "--entity-type",
        "brokers",
        "--entity-name",
        "0",
        "--all",
    ]);
    assert!(output.status.success(), "{}", text(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = told
        .lines()
        .find(|line| line.trim_start().starts_with(&format!("{key}=")));
    line.map(|line| line.split_whitespace().next().unwrap().to_owned())
}

fn patch_config(machine: &Machine, config: &serde_json::Value) {
    let patch = json!({"spec": {"kafka": {"config": config}}});
    machine.kube(async |client| {
        let kind = GroupVersionKind::gvk("kafka.strimzi.io", "v1", "Kafka");
        let resource = ApiResource::from_gvk_with_plural(&kind, "kafkas");
        let kafkas = Api::<DynamicObject>::default_namespaced_with(client, &resource);
        let parameters = PatchParams::default();
        kafkas
            .patch("live", &parameters, &Patch::Merge(&patch))
            .await
            .unwrap();
    });
}

/// A property that brokers change while they run (threads at most double at once), and back.
fn change_property(machine: &Machine) {
    for (value, expected) in [
        (json!(5), "num.io.threads=5"),
        (serde_json::Value::Null, "num.io.threads=8"),
    ] {
        patch_config(machine, &json!({"num.io.threads": value}));
        until(expected, || {
            in_force(machine, "num.io.threads").filter(|found| found == expected)
        });
    }
}

/// A value that Kafka refuses is told, and keeps back no other.
fn refused_property(machine: &Machine) {
    let key = "log.cleaner.dedupe.buffer.size";
    patch_config(
        machine,
        &json!({key: 1000, "log.retention.bytes": 123_456_789}),
    );
    until("the other property", || {
        in_force(machine, "log.retention.bytes").filter(|found| found.ends_with("=123456789"))
    });
    until("the refusal is told", || {
        let told = machine.status("live")["warnings"].to_string();
        (told.contains("StepFailed") && told.contains(&format!("{key}=1000"))).then_some(())
    });
    // A broker that happens to start does not start with it.
    let recorded = machine.kube(async |client| {
        let config_maps = Api::<ConfigMap>::default_namespaced(client);
        config_maps.get("live-broker-0").await.unwrap().data
    });
    let properties = &recorded.unwrap()["server.config"];
    assert!(!properties.contains(key), "{properties}");
    patch_config(machine, &json!({key: null, "log.retention.bytes": null}));
    until("nothing is refused any more", || {
        let told = machine.status("live")["warnings"].to_string();
        (!told.contains("StepFailed")).then_some(())
    });
}

#[test]
fn certificates_and_properties_change_without_a_restart() {
    let machine = Machine::new();
    let pool = |name, roles| Pool {
        name,
        replicas: 1,
        roles,
        storage: PERSISTENT,
    };
    machine.up(&Cluster {
        name: "live",
        namespace: "default",
        pools: vec![
            pool("controller", &["controller"]),
            pool("broker", &["broker"]),
        ],
        listeners: PLAIN_AND_TLS,
        more: "",
    }
    .yaml());
    let pods = ["live-broker-0", "live-controller-1"];
    let (broker, controller) = (machine.pod_ip(pods[0]), machine.pod_ip(pods[1]));
    let jvms = pods.map(|pod| machine.jvm_of(pod));
    let bootstrap = machine.bootstrap("live", "tls");
    let ca = machine.home().join("connect/default/live/tls-ca.crt");
    let tls = [
        "security.protocol=SSL".to_owned(),
        format!("ssl.ca.location={}", ca.display()),
    ];
    round_trip(&bootstrap, "before", &tls);
    let witness = Witness::start(&machine.bootstrap("live", "plain"));

    delete_certificates(&machine, &pods, [&broker, &controller]);
    round_trip(&bootstrap, "renewed", &tls);
    renew_authority(&machine, &bootstrap, &tls);
    change_property(&machine);
    refused_property(&machine);
    until("it is at rest", || {
        let status = machine.status("live");
        (status["ready"] == true).then_some(())
    });
    assert!(witness.verify() > 0);
    assert_eq!(
        pods.map(|pod| machine.jvm_of(pod)),
        jvms,
        "a node was restarted"
    );
}

/// An authority as a user makes it: RSA, PKCS#8, a name of its own; as Secrets with Strimzi's names and keys.
fn own_authority(machine: &Machine, which: &str) -> (String, String) {
    let file = |kind: &str| machine.write(&format!("own-{which}.{kind}"), "");
    let (key, certificate) = (file("key"), file("crt"));
    let subject = format!("/O=example/CN=own {which} authority");
    let output = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "900",
        ])
        .args(["-keyout", &key, "-out", &certificate, "-subj", &subject])
        .args(["-addext", "basicConstraints=critical,CA:TRUE"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let indented = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .fold(String::new(), |all, line| all + "    " + line + "\n")
    };
    let secrets = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: own-{which}-ca}}\nstringData:\n  ca.key: |\n{}---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: own-{which}-ca-cert}}\nstringData:\n  ca.crt: |\n{}---\n",
        indented(&key),
        indented(&certificate)
    );
    (secrets, certificate)
}

/// A certificate of a listener's own, with its key; each is the contents of a file.
fn own_pair(machine: &Machine, serial: &str) -> [String; 2] {
    let [key, certificate] = ["key", "crt"].map(|kind| machine.write(&format!("pair.{kind}"), ""));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-set_serial", serial, "-subj", "/CN=own listener"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    [key, certificate].map(|path| std::fs::read_to_string(path).unwrap())
}

/// The Secret of a listener's own certificate.
fn own_secret(key: &str, certificate: &str) -> Secret {
    let secret = json!({"metadata": {"name": "pair"}, "stringData": {"own.key": key, "own.crt": certificate}});
    serde_json::from_value(secret).unwrap()
}

#[test]
fn a_certificate_that_users_bring_is_taken_only_with_its_key() {
    let machine = Machine::new();
    let [first, second] = ["1", "2"].map(|serial| own_pair(&machine, serial));
    let put = |key: &str, certificate: &str| {
        let secret = own_secret(key, certificate);
        machine.kube(async |client| {
            let secrets = Api::<Secret>::default_namespaced(client);
            let parameters = PatchParams::apply("user").force();
            secrets
                .patch("pair", &parameters, &Patch::Apply(&secret))
                .await
                .unwrap();
        });
    };
    let own = "type: internal, tls: true, configuration: {brokerCertChainAndKey: {secretName: pair, certificate: own.crt, key: own.key}}}";
    let kafka = Cluster::dual("pair", 1, PERSISTENT).yaml();
    let kafka = kafka.replace("type: internal, tls: true}", own);
    assert!(kafka.contains(own), "the manifest has another shape");
    let secret = serde_json::to_string(&own_secret(&first[0], &first[1])).unwrap();
    machine.up(&format!("{secret}\n---\n{kafka}"));
    let jvm = machine.jvm_of("pair-dual-0");
    let address = format!("{}:9093", machine.pod_ip("pair-dual-0"));
    let body = |pair: &[String; 2]| pair[1].split("-----END").next().unwrap().trim().to_owned();
    let serves =
        |pair: &[String; 2]| served(&address).is_some_and(|found| found.trim() == body(pair));
    assert!(serves(&first));

    let told = || machine.status("pair")["warnings"].to_string();
    for (key, certificate, why) in [
        (&first[0], second[1].as_str(), "does not belong"),
        (&second[0], "nonsense", "no certificate"),
    ] {
        put(key, certificate);
        until("it is told", || {
            let told = told();
            (told.contains("CertificatesKept") && told.contains(why)).then_some(())
        });
        assert!(serves(&first));
    }
    put(&second[0], &second[1]);
    until("the pair is served", || serves(&second).then_some(()));
    until("nothing is wrong any more", || {
        (!told().contains("CertificatesKept")).then_some(())
    });
    assert_eq!(machine.jvm_of("pair-dual-0"), jvm, "the node was restarted");
}

#[test]
fn authorities_that_users_bring_sign_and_are_left_alone() {
    let machine = Machine::new();
    let (cluster, ca) = own_authority(&machine, "cluster");
    let (clients, _) = own_authority(&machine, "clients");
    let kafka = Cluster::dual("own", 1, PERSISTENT).yaml();
    let brought = kafka.replace(
        "\nspec:\n  kafka:",
        "\nspec:\n  clusterCa: {generateCertificateAuthority: false}\n  clientsCa: {generateCertificateAuthority: false}\n  kafka:",
    );
    assert_ne!(kafka, brought, "the manifest has another shape");
    machine.up(&format!("{cluster}{clients}{brought}"));
    let tls = [
        "security.protocol=SSL".to_owned(),
        format!("ssl.ca.location={ca}"),
    ];
    round_trip(&machine.bootstrap("own", "tls"), "hello", &tls);
    let kept = issued(&machine, "own-cluster-ca-cert", "ca.crt").unwrap();
    assert!(
        std::fs::read_to_string(&ca)
            .unwrap()
            .starts_with(kept.trim())
    );
}
