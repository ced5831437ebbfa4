use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::*;

#[test]
fn the_definition_of_the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn each_command_shows_the_shared_options_that_mean_something_to_it() {
    let mut shown = String::new();
    for sub in command().get_subcommands_mut() {
        let help = sub.render_long_help().to_string();
        let Some((_, global)) = help.split_once("Global options:") else {
            continue;
        };
        let options: Vec<&str> = ["--home", "--cache", "--kafka-home", "--log"]
            .into_iter()
            .filter(|option| global.contains(&format!("{option} <")))
            .collect();
        if !sub.is_hide_set() {
            writeln!(shown, "{} {}", sub.get_name(), options.join(" ")).unwrap();
        }
    }
    expect_test::expect![[r#"
        up --home --cache --kafka-home --log
        down --home --log
        status --home --log
        plan --home --log
        kubeconfig --home --log
        validate --log
        explain --log
        crds --log
        kafka --cache --kafka-home --log
        runtime --cache --kafka-home --log
        operator --home --log
        node --home --cache --kafka-home --log
        zookeeper --log
    "#]]
    .assert_eq(&shown);
}

#[test]
fn errors_name_no_option_that_only_the_environment_gives() {
    let mut command = command();
    for (arguments, usage) in [
        (
            &["klamm", "explain"][..],
            "Usage: klamm explain [OPTIONS] <PATH>",
        ),
        (
            &["klamm", "--home", "/x", "runtime", "prepare", "--nope"],
            "Usage: klamm runtime prepare [OPTIONS] [VERSION]",
        ),
        (
            &["klamm", "--cache", "/x", "validate"],
            "Usage: klamm validate [OPTIONS] --file <FILE>",
        ),
    ] {
        let error = command.try_get_matches_from_mut(arguments).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("{usage}\n")), "{text}");
    }
}

#[test]
fn options_that_mean_nothing_to_a_command_are_taken_all_the_same() {
    let matches = command().get_matches_from(["klamm", "crds", "--home", "/x"]);
    let cli = Cli::from_arg_matches(&matches).unwrap();
    assert_eq!(cli.global.home, Some(PathBuf::from("/x")));
    let matches = command().get_matches_from(["klamm", "--kafka-home", "/y", "kafka", "list"]);
    let cli = Cli::from_arg_matches(&matches).unwrap();
    assert_eq!(cli.global.kafka_home, Some(PathBuf::from("/y")));
}

#[test]
fn every_command_that_is_shown_has_an_example() {
    fn check(command: &clap::Command, path: &str) {
        for sub in command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        {
            let path = format!("{path} {}", sub.get_name());
            let help = sub
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let groups = sub.get_subcommands().next().is_some();
            assert!(
                help.contains("Example") || groups,
                "`{path} --help` has no example"
            );
            check(sub, &path);
        }
    }
    check(&Cli::command(), "klamm");
}

#[test]
fn durations_have_units_and_bad_ones_say_what_is_expected() {
    assert_eq!(parse_duration("90s").unwrap().as_secs(), 90);
    assert_eq!(parse_duration("5m").unwrap().as_secs(), 300);
    assert_eq!(parse_duration("7").unwrap().as_secs(), 7);
    assert_eq!(
        parse_duration("5 minutes").unwrap_err(),
        "\"5 minutes\" is not a duration; expected for instance 90s, 5m or 1h"
    );
}

#[test]
fn an_address_that_is_none_is_told_with_one_of_the_same_port() {
    assert_eq!(parse_address("127.0.0.1:7").unwrap().port(), 7);
    assert!(parse_address("[::1]:2181").is_ok());
    for (text, example) in [
        (":3333", "127.0.0.1:3333"),
        ("localhost:3333", "127.0.0.1:3333"),
        ("3333", "127.0.0.1:3333"),
        ("here", "127.0.0.1:2181"),
    ] {
        let error = parse_address(text).unwrap_err();
        assert!(
            error.contains(&format!("for instance {example},")),
            "{error}"
        );
    }
}

#[test]
fn every_address_to_listen_on_is_refused_with_an_example() {
    let etcd = ["--etcd", "http://127.0.0.1:2379"];
    let zookeeper = ["klamm", "zookeeper", etcd[0], etcd[1]];
    let of_check = [
        "klamm",
        "zookeeper",
        "check",
        "--upstream",
        "a:1",
        "--against",
        "b:1",
    ];
    for (command, option) in [
        (&zookeeper[..], "--listen"),
        (&zookeeper, "--tls-listen"),
        (&zookeeper, "--metrics-listen"),
        (&of_check, "--listen"),
        (&["klamm", "operator"], "--listen"),
    ] {
        let typed = command.iter().copied().chain([option, ":2181"]);
        let error = super::command().try_get_matches_from(typed).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("for instance 127.0.0.1:2181"), "{text}");
    }
}

#[test]
fn a_namespace_that_cannot_be_is_refused() {
    let typed = ["klamm", "up", "-n", "My_Space"];
    let error = command()
        .try_get_matches_from(typed)
        .unwrap_err()
        .to_string();
    assert!(error.contains("for instance default"), "{error}");
}

#[test]
fn an_empty_variable_counts_as_not_set_for_every_command() {
    fn check(command: &clap::Command, found: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let variable = argument.get_env().and_then(OsStr::to_str);
            found.extend(variable.map(str::to_owned));
        }
        command.get_subcommands().for_each(|sub| check(sub, found));
    }
    let variables = |empty: &'static str| {
        let mut found = Vec::new();
        let command = command_in(|name| (name == empty).then(OsString::new));
        check(&command, &mut found);
        found.sort();
        found.dedup();
        found
    };
    let all = variables("none");
    for name in ["KLAMM_HOME", "KLAMM_CACHE", "KAFKA_HOME", "KLAMM_SELECTOR"] {
        let mut others = all.clone();
        others.retain(|other| other != name);
        assert!(others.len() < all.len(), "{all:?}");
        assert_eq!(variables(name), others);
    }
}
