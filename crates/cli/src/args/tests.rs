use clap::CommandFactory as _;

use super::*;

#[test]
fn the_definition_of_the_command_line_holds_together() {
    Cli::command().debug_assert();
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
