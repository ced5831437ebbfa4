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

fn list(arguments: &[String]) -> Result<()> {
    let typed = std::iter::once("klamm kafka list").chain(arguments.iter().map(String::as_str));
    let List { shown } = List::parse_from(typed);
    let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
    match shown.output {
        Format::Text => {
            output::result(&names.join("\n"));
            Ok(())
        }
        Format::Json => output::json(&names),
    }
}

/// Becomes the tool; returns only if that fails, or to list the tools.
pub(crate) fn run(global: &Global, args: &Kafka) -> Result<()> {
    let Some((name, arguments)) = args.tool.split_first() else {
        let why = "name a tool; `klamm kafka list` names them";
        return Err(Usage(why.to_owned()).into());
    };
    if name == "list" {
        return list(arguments);
    }
    let tool = Tool::by_name(name).ok_or_else(|| {
        let names = TOOLS.iter().map(|tool| tool.name).collect::<Vec<_>>().join(", ");
        Usage(format!("{name:?} is not one of Kafka's tools; there are: {names}. Example: klamm kafka topics --bootstrap-server 127.2.128.1:9092 --list"))
    })?;
    let settings = crate::runtime::settings(global)?;
    let version = runtime::version_in_home(&settings)?.unwrap_or_else(|| args.version.clone());
    let class = tool.class_in(&version).ok_or_else(|| {
        Usage(format!(
            "Kafka {version} has no tool {:?}; choose another release with --version",
            tool.name
        ))
    })?;
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
