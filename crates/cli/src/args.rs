//! What can be typed. Every command has an example.

pub(crate) mod zookeeper;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::output::Format;

/// Runs Apache Kafka without a human in the loop: on Kubernetes, and with the same manifests on one machine.
#[derive(Debug, Parser)]
#[command(
    name = "klamm",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  klamm up -f kafka.yaml                 a real Kafka cluster from a manifest, on this machine
  export KUBECONFIG=$(klamm kubeconfig)  then plain kubectl works against it
  klamm status                           what runs
  klamm down                             stop it; data stays

Which home a command works on, the first that is given:
  --home; KLAMM_HOME; the user's own
Which cluster `status` and `plan` show:
  --context; --home; KUBECONFIG; KLAMM_HOME; the user's own home"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the help of a command shows them: after its own.
const GLOBAL: &str = "Global options";

/// What was typed; ends the program where that is no command, or a question about one.
pub(crate) fn parse() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Commands that need neither a home nor Kafka's jars, and those that need one of them.
const WITHOUT: [(&str, &[&str]); 11] = [
    ("crds", &["home", "cache", "kafka_home"]),
    ("down", &["cache", "kafka_home"]),
    ("explain", &["home", "cache", "kafka_home"]),
    ("kafka", &["home"]),
    ("kubeconfig", &["cache", "kafka_home"]),
    ("operator", &["cache", "kafka_home"]),
    ("plan", &["cache", "kafka_home"]),
    ("runtime", &["home"]),
    ("status", &["cache", "kafka_home"]),
    ("validate", &["home", "cache", "kafka_home"]),
    ("zookeeper", &["home", "cache", "kafka_home"]),
];

/// The definition of the command line.
///
/// Of the options of every command each shows those that mean something to it; the others, which may stand in a script
/// or in the environment, are no error.
pub(crate) fn command() -> clap::Command {
    command_in(|name| std::env::var_os(name))
}

/// The same, in this environment.
fn command_in(variable: impl Fn(&OsStr) -> Option<OsString> + Copy) -> clap::Command {
    let command = Cli::command();
    let shared: Vec<clap::Arg> = command.get_arguments().cloned().collect();
    // Not `mut_subcommand`, which would move what it changes behind the others.
    let mut command = command.mut_subcommands(|sub| {
        let without = WITHOUT.iter().find(|(name, _)| *name == sub.get_name());
        let without = without.map_or(&[][..], |(_, options)| options);
        let hidden: Vec<clap::Arg> = shared
            .iter()
            .filter(|argument| without.contains(&argument.get_id().as_str()))
            .map(|argument| argument.clone().hide(true))
            .collect();
        with_hidden(sub, &hidden)
    });
    command.build();
    with_plain_usage(without_empty(command, variable))
}

/// An empty variable of the environment is none: that is how a script takes one back.
fn without_empty(
    command: clap::Command,
    variable: impl Fn(&OsStr) -> Option<OsString> + Copy,
) -> clap::Command {
    command
        .mut_args(|argument| {
            let value = argument.get_env().and_then(variable);
            if value.is_some_and(|value| value.is_empty()) {
                argument.env(None::<&str>)
            } else {
                argument
            }
        })
        .mut_subcommands(|sub| without_empty(sub, variable))
}

fn with_hidden(command: clap::Command, hidden: &[clap::Arg]) -> clap::Command {
    command
        .args(hidden)
        .mut_subcommands(|sub| with_hidden(sub, hidden))
}

/// In errors clap names every option that has a value in its line of usage, also those that the environment gives: not
/// what was typed.
fn with_plain_usage(mut command: clap::Command) -> clap::Command {
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    command
        .override_usage(usage)
        .mut_subcommands(with_plain_usage)
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Directory that holds everything of this installation [default: the user's data directory, klamm/]
    #[arg(long, global = true, env = "KLAMM_HOME", value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) home: Option<PathBuf>,
    /// Directory for Kafka's jars, shared by all homes [default: the user's cache directory, klamm/]
    #[arg(long, global = true, env = "KLAMM_CACHE", value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) cache: Option<PathBuf>,
    /// An unpacked Apache Kafka release to use instead of fetching its jars
    #[arg(long, global = true, env = "KAFKA_HOME", value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) kafka_home: Option<PathBuf>,
    /// What to log on standard error: error, warn, info, debug, or a filter such as operator=debug
    #[arg(
        long,
        global = true,
        env = "KLAMM_LOG",
        value_name = "FILTER",
        value_parser = parse_filter,
        help_heading = GLOBAL
    )]
    pub(crate) log: Option<String>,
}

/// Which cluster a command speaks to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Target {
    /// Context in the kubeconfig [default: that of --home, else KUBECONFIG's current one, else the home's]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Namespace [default: the context's]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring up what manifests describe, on this machine, and wait until it is Ready
    #[command(after_help = "\
Examples:
  klamm up -f kafka.yaml                          in the foreground; Ctrl-C stops everything, data stays
  klamm up -f kafka.yaml -f topics/ --detach      several files and directories, in the background
  kustomize build . | klamm up -f -               from standard input
  klamm up                                        what was there before

Exit codes: 0 all Ready; 1 not Ready in time, or not without your help; 2 bad input, nothing was changed
(what only the API server can refuse is told with the number of objects applied before it);
130 stopped before all was Ready.")]
    Up(Up),
    /// Stop what runs on this machine; data and objects stay
    #[command(
        after_help = "Examples:\n  klamm down\n  klamm down --purge      and remove everything, volumes included\n  klamm down -o json"
    )]
    Down(Down),
    /// Show the Kafka clusters, or one of them in detail
    #[command(
        after_help = "Examples:\n  klamm status\n  klamm status my-cluster\n  klamm status -A -o json"
    )]
    Status(Status),
    /// Show what is being done to a cluster and why
    #[command(
        after_help = "Examples:\n  klamm plan show my-cluster\n  klamm plan show my-cluster -o json"
    )]
    Plan(Plan),
    /// Print the path of the local kubeconfig
    #[command(
        after_help = "Example:\n  export KUBECONFIG=$(klamm kubeconfig)\n  kubectl get kafka"
    )]
    Kubeconfig(Shown),
    /// Check manifests without anything running
    #[command(
        after_help = "Examples:\n  klamm validate -f kafka.yaml\n  klamm validate -R -f manifests/ -o json\n\n\
                            Exit codes: 0 all good; 2 problems, all of them listed."
    )]
    Validate(Validate),
    /// Explain a field of a resource: type, default, what is allowed, what Klamm does with it
    #[command(
        after_help = "Examples:\n  klamm explain kafka.spec.kafka.listeners\n  klamm explain kafkanodepool.spec.storage"
    )]
    Explain(Explain),
    /// Print the custom resource definitions
    #[command(after_help = "Example:\n  klamm crds | kubectl apply --server-side -f -")]
    Crds(Crds),
    /// Run one of Kafka's own tools from the cached runtime
    #[command(after_help = "Examples:\n  klamm kafka list -o json\n  \
                            klamm kafka topics --bootstrap-server 127.2.128.1:9092 --list\n  \
                            klamm kafka console-producer --bootstrap-server 127.2.128.1:9092 --topic hello\n  \
                            klamm kafka --version 4.2.1 features --bootstrap-server 127.2.128.1:9092 describe")]
    Kafka(Kafka),
    /// Fetch, check and list the Kafka runtimes of this machine
    #[command(after_help = "Examples:\n  klamm runtime prepare 4.3.1\n  klamm runtime list")]
    Runtime(Runtime),
    /// Run the operator alone, against a Kubernetes cluster
    #[command(
        after_help = "Examples:\n  klamm operator                      in a Pod, with its service account\n  \
                            klamm operator --context dev -n kafka"
    )]
    Operator(Operator),
    /// Run the node agent alone: this machine as a node of a Kubernetes cluster, Pods as processes
    #[command(after_help = "Example:\n  klamm node --context dev --name my-laptop --schedule")]
    Node(Node),
    /// Serve ZooKeeper's protocol from etcd, for Kafka 3 and every other client of ZooKeeper
    #[command(
        after_help = "Examples:\n  klamm zookeeper --etcd http://127.0.0.1:2379 --listen 127.0.0.1:2181\n  \
                            klamm zookeeper --etcd https://a:2379,https://b:2379 --etcd-cacert ca.pem --listen 0.0.0.0:2181\n\n\
                            Any number of such servers may serve the same etcd; clients may move between them."
    )]
    Zookeeper(Box<zookeeper::Zookeeper>),
    #[command(hide = true)]
    RunBroker(RunBroker),
    #[command(hide = true)]
    RunStore,
    #[command(hide = true)]
    Install {
        /// Where to put the program.
        target: PathBuf,
    },
    #[command(hide = true, disable_help_flag = true)]
    ContainerExec {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Up {
    /// Manifest file, directory of manifests, or - for standard input; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Search directories in the directories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// Go on in the background once everything is Ready
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// How long to wait for Ready, for instance 90s or 5m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub(crate) timeout: std::time::Duration,
    /// Namespace for documents that name none
    #[arg(short, long, value_name = "NAME", default_value = "default", value_parser = parse_namespace)]
    pub(crate) namespace: String,
    /// How to show what came up
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Label of the local Node, for instance topology.kubernetes.io/zone=a; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Serve this home until told to stop; what --detach starts.
    #[arg(long, hide = true)]
    pub(crate) serve: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Down {
    /// Remove everything as well: objects, certificates, volumes with their data
    #[arg(long)]
    pub(crate) purge: bool,
    /// How long to wait for controlled shutdown
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    pub(crate) timeout: std::time::Duration,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// Of a command with nothing else to choose.
#[derive(Debug, Clone, Args)]
pub(crate) struct Shown {
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Status {
    /// One cluster, in detail
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    #[command(subcommand)]
    pub(crate) command: PlanCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PlanCommand {
    /// Show the plan of a cluster: phases and steps, with reasons and what is waited for
    #[command(after_help = "Examples:\n  klamm plan show\n  klamm plan show my-cluster -o json")]
    Show(Status),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Validate {
    /// Manifest file, directory of manifests, or - for standard input; may be repeated
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Search directories in the directories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    /// Kind and field, for instance kafka.spec.kafka.listeners
    pub(crate) path: String,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Crds {
    /// text prints YAML
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Kafka {
    /// Kafka release whose tools to use
    #[arg(long, value_name = "VERSION", default_value = "4.3.1")]
    pub(crate) version: String,
    /// The tool and its arguments; `klamm kafka list` names the tools
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) tool: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Runtime {
    #[command(subcommand)]
    pub(crate) command: RuntimeCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RuntimeCommand {
    /// Fetch and check the jars of a release, and make its class-data archive
    #[command(after_help = "Example:\n  klamm runtime prepare 4.3.1")]
    Prepare {
        /// Kafka release
        #[arg(default_value = "4.3.1")]
        version: String,
    },
    /// List the releases that can be fetched and which are here
    #[command(after_help = "Example:\n  klamm runtime list -o json")]
    List {
        /// How to show it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Operator {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Namespaces to look at, separated by commas or one each time; by default those of -n and -A
    #[arg(
        long = "watch-namespace",
        value_name = "NAME",
        value_delimiter = ',',
        env = "KLAMM_WATCH_NAMESPACES"
    )]
    pub(crate) watch_namespaces: Vec<String>,
    /// Label selector of the Kafkas to look after; all when absent
    #[arg(long, value_name = "SELECTOR", env = "KLAMM_SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Name of this installation, written as klamm.dev/claimed-by
    #[arg(long, value_name = "NAME", env = "KLAMM_NAME", default_value = "klamm")]
    pub(crate) name: String,
    /// Image that brings klamm into Kafka Pods
    #[arg(long, value_name = "IMAGE", env = "KLAMM_IMAGE")]
    pub(crate) image: Option<String>,
    /// Where to serve /metrics and /healthz
    #[arg(long, value_name = "ADDRESS", env = "KLAMM_LISTEN", value_parser = parse_address)]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Install the custom resource definitions if they are absent
    #[arg(long)]
    pub(crate) install_crds: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Node {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Name of the Node object
    #[arg(long, value_name = "NAME", default_value = "klamm")]
    pub(crate) name: String,
    /// Bind unscheduled Pods to this node, and provision claims of class klamm-local
    #[arg(long)]
    pub(crate) schedule: bool,
    /// Label of the Node, for instance topology.kubernetes.io/zone=a; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    pub(crate) labels: Vec<(String, String)>,
    /// PEM bundle of the authorities that know who asks for logs and exec; whether they may, the API server is asked
    /// (role system:auth-delegator)
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Stop the Pods when the agent ends; otherwise they go on, and the next agent finds them
    #[arg(long)]
    pub(crate) stop_pods: bool,
    /// Port of the kubelet endpoint
    #[arg(long, value_name = "PORT", default_value_t = 10250)]
    pub(crate) kubelet_port: u16,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunBroker {
    /// The runner that started this process: it ends with it.
    #[arg(long, value_name = "PID")]
    pub(crate) parent: Option<u32>,
    /// What to do for it.
    #[arg(long, value_name = "JSON", requires = "parent")]
    pub(crate) task: Option<String>,
    /// The command line to become.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

fn parse_filter(text: &str) -> Result<String, String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    // A word alone would count as the name of a target, and as one that nobody has.
    let is_level = |word: &str| levels.contains(&word.to_ascii_lowercase().as_str());
    let mut words = text.split(',').map(str::trim);
    if let Some(word) = words.find(|word| !word.contains(['=', '[', ':', '_']) && !is_level(word)) {
        return Err(format!(
            "{word:?} is no level; expected one (error, warn, info, debug, trace) or a filter such as info,operator=debug"
        ));
    }
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "{error}; expected a level (error, warn, info, debug, trace) or a filter such as info,operator=debug"
        )),
    }
}

/// Where to listen.
pub(crate) fn parse_address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.rsplit(':').next().unwrap_or_default();
        let port = port.parse::<u16>().unwrap_or(2181);
        format!(
            "expected an IP address and a port, for instance 127.0.0.1:{port}, or 0.0.0.0:{port} for every address of this \
             machine"
        )
    })
}

fn parse_namespace(text: &str) -> Result<String, String> {
    match text.parse::<model::desired::Namespace>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected {}, for instance default", error.allowed)),
    }
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, for instance topology.kubernetes.io/zone=a".to_owned()),
    }
}

/// `90s`, `5m`, `1h`, or a number of seconds.
pub(crate) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{text:?} is not a duration; expected for instance 90s, 5m or 1h");
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(wrong)?;
    Ok(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
