//! `klamm runtime`: the Kafka runtimes of this machine.

use anyhow::{Result, anyhow};
use node_agent::runtime::{self, Progress, Settings, releases};
use serde::Serialize;

use crate::args::{Global, Runtime, RuntimeCommand};
use crate::output::{self, Format};

/// Where runtimes are kept and come from, by the global options.
pub(crate) fn settings(global: &Global) -> Result<Settings> {
    let cache = match &global.cache {
        Some(dir) => std::path::absolute(dir)?,
        None => crate::home::user_dir("XDG_CACHE_HOME", ".cache").ok_or_else(|| {
            anyhow!("there is no home directory; set KLAMM_CACHE or pass --cache DIR")
        })?,
    };
    let kafka_home = global
        .kafka_home
        .as_deref()
        .map(std::path::absolute)
        .transpose()?;
    Ok(Settings {
        cache: cache.join("runtimes"),
        kafka_home,
        train: true,
    })
}

/// Tells each new stage of a preparation once, and every tenth jar.
#[derive(Debug)]
pub(crate) struct Teller {
    version: String,
    last: Option<Progress>,
}

impl Teller {
    pub(crate) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            last: None,
        }
    }

    pub(crate) fn tell(&mut self, progress: &Progress) {
        let worth_it = match (progress, &self.last) {
            // Takes milliseconds when nothing changed.
            (Progress::Verifying, None) => false,
            (Progress::Fetching { done, total }, Some(Progress::Fetching { .. })) => {
                done % 10 == 0 || done == total
            }
            (progress, Some(last)) => progress != last,
            (_, None) => true,
        };
        if worth_it {
            output::progress(&runtime::describe(&self.version, progress));
        }
        self.last = Some(progress.clone());
    }
}

#[derive(Serialize)]
struct Row {
    version: &'static str,
    cached: bool,
}

/// Lists or prepares.
pub(crate) fn run(global: &Global, args: &Runtime) -> Result<()> {
    let settings = settings(global)?;
    match &args.command {
        RuntimeCommand::Prepare { version } => {
            let mut teller = Teller::new(version);
            let ready =
                runtime::prepare(&settings, version, &mut |progress| teller.tell(&progress))?;
            let archive = if ready.archive.is_some() {
                "with"
            } else {
                "without"
            };
            output::result(&format!(
                "Kafka {version} is ready in {} ({}, {archive} class-data archive)",
                ready.home.display(),
                ready.java.program.display()
            ));
        }
        RuntimeCommand::List { output } => {
            let rows: Vec<Row> = releases()
                .iter()
                .map(|release| Row {
                    version: release.version,
                    cached: settings
                        .cache
                        .join(format!("kafka-{}", release.version))
                        .is_dir(),
                })
                .collect();
            match output {
                Format::Json => output::json(&rows)?,
                Format::Text => {
                    let cells: Vec<Vec<String>> = rows
                        .iter()
                        .map(|row| {
                            vec![
                                row.version.to_owned(),
                                if row.cached { "yes" } else { "no" }.to_owned(),
                            ]
                        })
                        .collect();
                    output::result(&output::table(&["KAFKA", "CACHED"], &cells));
                }
            }
        }
    }
    Ok(())
}
