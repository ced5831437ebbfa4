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
