//! `klamm up` and `kubectl apply` on the same files, by turns; and which home a command works on.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::Machine;
use crate::support::machine::text;

fn config_map(data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{{data}}}\n---\n\
         apiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata: {{name: orders, labels: {{strimzi.io/cluster: one}}}}\n\
         spec: {{partitions: 1, config: {{{data}}}}}\n"
    )
}

#[test]
fn what_up_or_kubectl_brought_goes_with_the_file_and_what_others_set_stays() {
    let machine = Machine::new();
    let kubectl = |arguments: &[&str]| {
        let output: Output = Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", machine.home().join("kubeconfig"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    let data = || {
        ["configmap/settings:data", "kafkatopic/orders:spec"].map(|place| {
            let (object, field) = place.split_once(':').unwrap();
            let object: Value =
                serde_json::from_str(&kubectl(&["get", object, "-o", "json"])).unwrap();
            let found = &object[field];
            found.get("config").unwrap_or(found).clone()
        })
    };
    let both = |value: Value| [value.clone(), value];

    let first = machine.write("first.yaml", &config_map("a.b: '1 < 2', c: v"));
    machine.klamm_ok(&["up", "--detach", "-f", &first]);
    assert_eq!(data(), both(json!({"a.b": "1 < 2", "c": "v"})));
    let told = kubectl(&["apply", "-f", &first]);
    assert!(!told.contains("missing the"), "{told}");
    assert_eq!(
        told.matches("unchanged").count(),
        2,
        "what up wrote is what kubectl writes: {told}"
    );

    // What is no longer in kubectl's file goes, though it was up that brought it.
    let second = machine.write("second.yaml", &config_map("a.b: '1 < 2', d: w"));
    let told = kubectl(&["apply", "-f", &second]);
    assert!(!told.contains("Warning"), "{told}");
    assert_eq!(data(), both(json!({"a.b": "1 < 2", "d": "w"})));

    // And the other way round; what neither of them brought stays.
    for (object, patch) in [
        ("configmap/settings", r#"{"data":{"e":"z"}}"#),
        ("kafkatopic/orders", r#"{"spec":{"config":{"e":"z"}}}"#),
    ] {
        kubectl(&["patch", object, "--type", "merge", "-p", patch]);
    }
    machine.klamm_ok(&["up", "--detach", "-f", &first]);
    assert_eq!(data(), both(json!({"a.b": "1 < 2", "c": "v", "e": "z"})));
    let told = kubectl(&["apply", "-f", &first]);
    assert_eq!(told.matches("unchanged").count(), 2, "{told}");
}

#[test]
fn status_follows_the_kubeconfig_and_what_is_stopped_is_never_chosen_by_it() {
    let machine = Machine::new();
    let own = machine.home().display().to_string();
    let run = |home: Option<&str>, arguments: &[&str]| {
        let mut command = machine.command();
        command
            .env_remove("KLAMM_HOME")
            .env("XDG_DATA_HOME", machine.home().with_file_name("data"))
            .env("KUBECONFIG", machine.home().join("kubeconfig"));
        let output = command
            .envs(home.map(|home| ("KLAMM_HOME", home)))
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), text(&output))
    };
    let (code, told) = run(None, &["status"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("is not there"), "{told}");
    let (code, told) = run(None, &["up"]);
    assert_eq!(code, Some(2), "nothing to bring up: {told}");

    machine.klamm_ok(&["up", "--detach"]);
    let (code, told) = run(None, &["status"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("(of KUBECONFIG)"), "{told}");
    let (code, told) = run(Some("/nonexistent/home"), &["status"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("(of KUBECONFIG)"), "{told}");
    let (code, told) = run(None, &["status", "--home", "/nonexistent/home"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("KUBECONFIG is not looked at"), "{told}");

    let (code, told) = run(None, &["down"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("nothing to stop"), "{told}");
    let (code, told) = run(Some(&own), &["down"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(machine.processes(), []);
    let (code, told) = run(None, &["status"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("KUBECONFIG is of this home"), "{told}");

    // Nothing to wait for is not waited for longer than was asked.
    let (code, told) = run(Some(&own), &["up", "--timeout", "1s"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("no Kafka resource within 1 s"), "{told}");
}
