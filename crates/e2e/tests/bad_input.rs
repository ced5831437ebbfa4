//! What is wrong is said: where, what was given, what is allowed; and nothing is touched.

use crate::support::Machine;
use crate::support::machine::text;
use crate::support::manifests::{Cluster, PERSISTENT};

#[test]
fn bad_manifests_end_with_2_and_start_nothing() {
    let machine = Machine::new();
    let good = Cluster::dual("one", 1, PERSISTENT).yaml();
    let cases = [
        ("yaml", "a: [".to_owned(), ""),
        (
            "unknown-field",
            good.replace("    version:", "    versoin: 4.3.1\n    version:"),
            "spec.kafka.versoin",
        ),
        (
            "unknown-version",
            good.replace("version: 4.3.1", "version: 3.2.0"),
            "4.3.1",
        ),
        (
            "enum",
            good.replace("type: internal", "type: inside"),
            "spec.kafka.listeners[0].type",
        ),
        (
            "port",
            good.replace("port: 9093", "port: 9092"),
            "spec.kafka.listeners[1].port",
        ),
    ];
    for (name, manifest, expected) in cases {
        let file = machine.write(&format!("{name}.yaml"), &manifest);
        for arguments in [
            vec!["validate", "-f", &file],
            vec!["up", "--detach", "-f", &file],
        ] {
            let output = machine.klamm(&arguments);
            let told = text(&output);
            assert_eq!(
                output.status.code(),
                Some(2),
                "{name} {arguments:?}: {told}"
            );
            assert!(
                told.contains(expected) && told.contains(&file),
                "{name} {arguments:?}: {told}"
            );
        }
    }
    assert_eq!(machine.processes(), []);
    assert!(
        !machine.home().join("control-plane").exists(),
        "bad input touches nothing"
    );
}

#[test]
fn without_java_up_says_how_to_get_it() {
    let machine = Machine::new();
    let file = machine.write("kafka.yaml", &Cluster::dual("one", 1, PERSISTENT).yaml());
    let output = machine
        .command()
        .args(["up", "--detach", "-f", &file])
        .env("JAVA_HOME", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("apt-get install openjdk-17-jre-headless"),
        "{}",
        text(&output)
    );
    assert_eq!(machine.processes(), []);
}

#[test]
fn a_directory_that_is_no_home_is_left_as_it_is() {
    let machine = Machine::new();
    let project = machine.home().with_file_name("project");
    for (path, content) in [("node/package.json", "{}"), ("port", "8080")] {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let file = machine.write("kafka.yaml", &Cluster::dual("one", 1, PERSISTENT).yaml());
    let in_project = |arguments: &[&str]| {
        Machine::command_on(&project)
            .args(arguments)
            .output()
            .unwrap()
    };
    for (arguments, code) in [
        (&["down", "--purge"][..], 2),
        (&["down"][..], 0),
        (&["up", "--detach", "-f", &file][..], 2),
        (&["up", "-f", &file][..], 2),
    ] {
        let output = in_project(arguments);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(
            told.contains("is no home of klamm"),
            "{arguments:?}: {told}"
        );
    }
    let mut left: Vec<String> = std::fs::read_dir(&project)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["node", "port"], "nothing was made, nothing removed");
    assert!(project.join("node/package.json").is_file());
    assert_eq!(
        std::fs::read_to_string(project.join("port")).unwrap(),
        "8080"
    );
}

#[test]
fn what_only_the_api_server_can_refuse_has_its_line_and_says_what_was_applied_before() {
    let machine = Machine::new();
    let deployment = |api: &str, replicas: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: first}}\n---\napiVersion: {api}\nkind: Deployment\nmetadata: {{name: d}}\n\
             spec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    \
             spec: {{containers: [{{name: c, image: i}}]}}\n"
        )
    };
    machine.klamm_ok(&["up", "--detach"]);
    for (name, manifest, line, expected) in [
        (
            "typed",
            deployment("apps/v1", "\"3\""),
            9,
            "spec.replicas: \"3\" is not allowed; allowed: a number, without quotes; for example: 3\n1 object was applied before it",
        ),
        (
            "ranged",
            deployment("apps/v1", "-1"),
            9,
            "spec.replicas: -1 is not allowed; allowed: greater than or equal to 0; for example: 0\n1 object was applied before it",
        ),
        (
            "not-served",
            deployment("apps/v1beta1", "1"),
            5,
            "apiVersion: apps/v1beta1 is not allowed; allowed: `apps/v1`, where Deployment is; for example: apps/v1\nnothing was applied",
        ),
    ] {
        let file = machine.write(&format!("{name}.yaml"), &manifest);
        let output = machine.klamm(&["up", "--detach", "-f", &file]);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        let expected = format!("{file}:{line}: Deployment/d: {expected}");
        assert!(told.contains(&expected), "{name}: {told}");
    }
}

#[test]
fn a_klamm_that_serves_already_is_named_and_its_labels_stay() {
    let machine = Machine::new();
    machine.klamm_ok(&["up", "--detach", "--label", "disk=fast"]);
    machine.klamm_ok(&["up", "--detach", "--label", "disk=fast"]);
    let output = machine.klamm(&["up", "--detach", "--label", "disk=slow"]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("--label disk=slow differs from the node's disk=fast")
            && told.contains("klamm down"),
        "{told}"
    );
    let output = machine.klamm(&["up", "--timeout", "1s"]);
    let told = text(&output);
    let serving = machine.pids("up --serve");
    assert!(
        told.contains(&format!("klamm (process {}) serves", serving[0]))
            && !told.contains("Ctrl-C stops"),
        "{told}"
    );

    // What klamm did not make stays when all else goes.
    let notes = machine.home().join("notes.txt");
    std::fs::write(&notes, "mine").unwrap();
    let told = text(&machine.klamm(&["down", "--purge"]));
    assert!(told.contains("stays there: notes.txt"), "{told}");
    assert!(notes.is_file());
}
