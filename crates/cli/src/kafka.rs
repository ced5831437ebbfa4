//! `klamm kafka TOOL …`: Kafka's own tools, from the cached runtime.

use std::os::unix::process::CommandExt as _;

use anyhow::{Result, anyhow};
use clap::Parser as _;
use node_agent::runtime::{self, TOOLS, Tool};

use crate::Usage;
use crate::args::{Global, Kafka, Shown};
use crate::output::{self, Format};

/// What is typed after `klamm kafka list`: everything after a tool's name is the tool's own, hence read here.
#[derive(clap::Parser)]
#[command(name = "klamm kafka list", about = "The names of Kafka's tools")]
struct List {
    #[command(flatten)]
    shown: Shown,
}

fn list(arguments: &[String], version: &str) -> Result<()> {
    let typed = std::iter::once("klamm kafka list").chain(arguments.iter().map(String::as_str));
    let List { shown } = List::parse_from(typed);
    let names = names(version);
    match shown.output {
        Format::Text => {
            output::result(&names.join("\n"));
            Ok(())
        }
        Format::Json => output::json(&names),
    }
}

/// Those that a release has.
fn names(version: &str) -> Vec<&'static str> {
    let tools = TOOLS.iter();
    let there = tools.filter(|tool| tool.class_in(version).is_some());
    there.map(|tool| tool.name).collect()
}

/// Becomes the tool; returns only if that fails, or to list the tools.
pub(crate) fn run(global: &Global, args: &Kafka) -> Result<()> {
    let Some((name, arguments)) = args.tool.split_first() else {
        let why = "name a tool; `klamm kafka list` names them";
        return Err(Usage(why.to_owned()).into());
    };
    let settings = crate::runtime::settings(global)?;
    let version = runtime::version_in_home(&settings)?.unwrap_or_else(|| args.version.clone());
    if name == "list" {
        return list(arguments, &version);
    }
    let tool = Tool::by_name(name).ok_or_else(|| {
        let names = names(&version).join(", ");
        Usage(format!("{name:?} is not one of Kafka's tools; Kafka {version} has: {names}. Example: klamm kafka topics --bootstrap-server 127.2.128.1:9092 --list"))
    })?;
    let class = tool
        .class_in(&version)
        .ok_or_else(|| Usage(not_in(&version, tool)))?;
    let mut told = crate::runtime::Teller::new(&version);
    let runtime = runtime::prepare(&settings, &version, &mut |progress| told.tell(&progress))?;
    let class_path = runtime::class_path(&runtime.home)?
        .iter()
        .map(|jar| jar.display().to_string())
        .collect::<Vec<_>>()
        .join(":");
    let mut command = std::process::Command::new(&runtime.java.program);
    let heap = std::env::var("KAFKA_HEAP_OPTS").unwrap_or_else(|_| "-Xmx256m".to_owned());
    command
        .args(heap.split_whitespace())
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    if let Some(archive) = &runtime.archive {
        command
            .arg(format!("-XX:SharedArchiveFile={}", archive.display()))
            .arg("-Xshare:auto");
    }
    command.args(runtime::logging_option(&runtime.home, &version));
    let error = command
        .args(["-cp", &class_path, class])
        .args(tool.arguments())
        .args(arguments)
        .exec();
    Err(anyhow!(error).context(format!("starting {}", runtime.java.program.display())))
}

/// That a release lacks a tool, and which one has it.
fn not_in(version: &str, tool: &Tool) -> String {
    let name = tool.name;
    let mut others = runtime::releases().iter().rev();
    let other = others.find(|other| tool.class_in(other.version).is_some());
    let hint = other.map_or_else(
        || "`klamm kafka list` names those it has".to_owned(),
        |other| {
            format!(
                "Kafka {0} has it: klamm kafka --version {0} {name}",
                other.version
            )
        },
    );
    format!("Kafka {version} has no tool {name:?}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tools_of_the_release_are_listed() {
        let (new, old) = (names("4.3.1"), names("3.9.2"));
        assert!(!new.contains(&"zookeeper-shell") && old.contains(&"zookeeper-shell"));
        assert!(new.contains(&"groups") && !old.contains(&"groups"));
        assert!(new.contains(&"topics") && old.contains(&"topics"));
    }

    #[test]
    fn a_tool_that_is_not_there_is_told_with_the_release_that_has_it() {
        let tool = |name: &str| Tool::by_name(name).unwrap();
        assert_eq!(
            not_in("4.3.1", tool("zookeeper-shell")),
            "Kafka 4.3.1 has no tool \"zookeeper-shell\"; Kafka 3.9.2 has it: klamm kafka --version 3.9.2 zookeeper-shell"
        );
        assert!(not_in("3.9.2", tool("groups")).contains("Kafka 4.3.1 has it"));
    }
}
