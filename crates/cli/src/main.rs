//! `klamm`: the one binary. Reads the command line and hands over to the room that does the work.
//!
//! Not here: anything that decides or does; each command is a module of the same name.

mod apply;
mod args;
mod cluster_parts;
mod connect;
mod context;
mod crds;
mod documents;
mod down;
mod explain;
mod home;
mod kafka;
mod local;
mod output;
mod plan;
mod runtime;
mod status;
mod up;
mod validate;
mod wait;
mod zookeeper;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use args::{Cli, Command};
use output::Format;

/// Exit code of bad input.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    if let Some(code) = part_of_a_pod() {
        return code;
    }
    // Clap's own setting does not count variables of the environment as nothing.
    if std::env::args_os().len() == 1 {
        output::progress(&Cli::command().render_help().to_string());
        return ExitCode::from(BAD_INPUT);
    }
    let cli = args::parse();
    match &cli.command {
        Command::RunBroker(args) => {
            log_of_a_pod(cli.global.log.as_deref());
            return match args.parent {
                Some(parent) => runner::tied_child(parent, args.task.as_deref(), &args.command),
                None => runner::run_broker(),
            };
        }
        Command::RunStore => {
            log_of_a_pod(cli.global.log.as_deref());
            return runner::run_store();
        }
        Command::ContainerExec { args } => return node_agent::container_exec::main(args),
        _ => {}
    }
    let default = match &cli.command {
        Command::Operator(_) | Command::Node(_) | Command::Zookeeper(_) => "info",
        Command::Up(up) if up.serve => "info",
        _ => "warn",
    };
    log_to_stderr(&cli.global, default);
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            exit_code_of(&error)
        }
    }
}

/// Processes that live as long as their Pod, asked for without clap: the parser of all commands would stay resident.
fn part_of_a_pod() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next()?.into_string().ok()?;
    let arguments: Result<Vec<String>, _> = arguments.map(OsString::into_string).collect();
    let first = |run: fn() -> ExitCode| {
        log_of_a_pod(std::env::var("KLAMM_LOG").ok().as_deref());
        run()
    };
    match (command.as_str(), arguments.ok()?.as_slice()) {
        ("run-broker", []) => Some(first(runner::run_broker)),
        ("run-store", []) => Some(first(runner::run_store)),
        ("container-exec", arguments) => Some(node_agent::container_exec::main(arguments)),
        _ => None,
    }
}

/// Filters by target and level alone: a matcher of fields costs more memory than all that such a process logs.
fn log_of_a_pod(filter: Option<&str>) {
    let filter = filter.filter(|filter| !filter.is_empty());
    let info = || Targets::new().with_default(tracing::Level::INFO);
    let parsed = filter.map(str::parse::<Targets>).transpose();
    let (targets, refused) = match parsed {
        Ok(targets) => (targets.unwrap_or_else(info), None),
        Err(error) => (info(), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .init();
    if let Some(error) = refused {
        tracing::warn!(filter, %error, "not a filter of targets and levels, such as info,runner=debug; info it is");
    }
}

/// What was typed cannot be done, whatever runs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// 2 where the command line or a document is at fault, else 1.
fn exit_code_of(error: &anyhow::Error) -> ExitCode {
    let input = error.is::<Usage>() || error.is::<home::NoHome>() || error.is::<apply::Refused>();
    ExitCode::from(if input { BAD_INPUT } else { 1 })
}

fn log_to_stderr(global: &args::Global, default: &str) {
    // What a client library logs before it returns the same as an error would be told twice.
    let default = format!("{default},kube_client::client::builder=off");
    let filter = global.log.as_deref().unwrap_or(&default);
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { global, command } = cli;
    let command = match command {
        Command::Zookeeper(args) => return zookeeper::run(*args),
        command => command,
    };
    // Those that become another program, or need no runtime.
    match &command {
        Command::Kafka(args) => return kafka::run(&global, args).map(|()| ExitCode::SUCCESS),
        Command::Runtime(args) => return runtime::run(&global, args).map(|()| ExitCode::SUCCESS),
        Command::Validate(args) => return validate::run(args),
        Command::Explain(args) => return explain::run(args),
        Command::Crds(args) => return crds::run(args),
        Command::Install { target } => {
            runner::install(target)?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let home = home::Home::find(global.home.as_deref())?;
    // An operator alone waits nearly all the time. Each thread that allocates has a heap of its own, which costs megabytes.
    let mut builder = if matches!(command, Command::Operator(_)) {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder
        .worker_threads(WORKERS)
        .enable_all()
        .build()?
        .block_on(run_async(&global, &home, command))
}

/// Two are enough for a control plane of one user, and each costs memory.
const WORKERS: usize = 2;

async fn run_async(
    global: &args::Global,
    home: &home::Home,
    command: Command,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(args) => Box::pin(up::run(global, home, &args)).await,
        Command::Down(args) => down::run(home, &args).await,
        Command::Status(args) => status::run(home, &args).await.map(|()| ExitCode::SUCCESS),
        Command::Plan(args) => plan::run(home, &args.command)
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Operator(args) => cluster_parts::operator(home, &args).await,
        Command::Node(args) => cluster_parts::node(global, home, &args).await,
        Command::Kubeconfig(args) => {
            let path = home.kubeconfig();
            anyhow::ensure!(
                path.is_file(),
                "there is no kubeconfig yet in {}; start something with `klamm up -f FILE`",
                home.dir().display()
            );
            match args.output {
                Format::Text => output::result(&path.display().to_string()),
                Format::Json => output::json(&serde_json::json!({ "kubeconfig": path }))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Kafka(_)
        | Command::Runtime(_)
        | Command::Validate(_)
        | Command::Explain(_)
        | Command::Crds(_)
        | Command::Install { .. }
        | Command::Zookeeper(_)
        | Command::RunBroker(_)
        | Command::RunStore
        | Command::ContainerExec { .. } => unreachable!("handled before there was a runtime"),
    }
}
