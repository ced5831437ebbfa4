//! Answers the agent's question "what does this Kafka image stand for?" at once, and prepares runtimes behind it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Progress, Runtime, Settings, prepare};
use crate::images::{self, RuntimeState};

/// A source of runtimes for [`crate::settings::Settings::runtimes`].
///
/// The first question about a version starts a thread that prepares it; questions meanwhile answer `Pulling`. A
/// failure is answered once and then tried again, since the agent asks again with back-off.
pub fn provider(settings: Settings) -> images::Runtimes {
    let known: Arc<Mutex<BTreeMap<String, RuntimeState>>> = Arc::default();
    Arc::new(move |image: &str| {
        let Some(version) = version_of(image) else {
            return RuntimeState::Failed {
                reason: format!(
                    "image {image:?} does not end in a Kafka version; expected for instance apache/kafka:4.3.1"
                ),
            };
        };
        let mut states = known.lock().unwrap_or_else(PoisonError::into_inner);
        match states.get(&version) {
            Some(failed @ RuntimeState::Failed { .. }) => {
                let answer = failed.clone();
                states.remove(&version);
                answer
            }
            Some(state) => state.clone(),
            None => {
                let begun = RuntimeState::Pulling {
                    progress: format!("preparing Kafka {version}"),
                };
                states.insert(version.clone(), begun.clone());
                let (settings, known) = (settings.clone(), Arc::clone(&known));
                std::thread::spawn(move || prepare_into(&settings, &version, &known));
                begun
            }
        }
    })
}

fn prepare_into(settings: &Settings, version: &str, known: &Mutex<BTreeMap<String, RuntimeState>>) {
    let set = |state| {
        known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(version.to_owned(), state);
    };
    let outcome = prepare(settings, version, &mut |progress| {
        set(RuntimeState::Pulling {
            progress: describe(version, &progress),
        });
    });
    set(match outcome {
        Ok(runtime) => RuntimeState::Ready(as_image(&runtime)),
        Err(error) => RuntimeState::Failed {
            reason: chain(&error),
        },
    });
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, source| {
            format!("{text}: {source}")
        })
}

/// For people who wait: one line.
pub fn describe(version: &str, progress: &Progress) -> String {
    match progress {
        Progress::WaitingForLock => format!("Kafka {version}: another process is preparing it"),
        Progress::Fetching { done, total } => {
            format!("Kafka {version}: fetching jars, {done} of {total}")
        }
        Progress::Verifying => format!("Kafka {version}: comparing jars with their checksums"),
        Progress::Training => {
            format!("Kafka {version}: making a class-data archive, once, for faster starts")
        }
    }
}

/// The runtime as the containers of a Pod see it.
pub fn as_image(runtime: &Runtime) -> images::Runtime {
    let text = |path: &PathBuf| path.display().to_string();
    let mut env: BTreeMap<String, String> = [
        ("KLAMM_KAFKA_HOME", text(&runtime.home)),
        ("KLAMM_JAVA", text(&runtime.java.program)),
        ("KLAMM_PLUGINS", text(&runtime.plugins)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    env.extend(
        runtime
            .archive
            .as_ref()
            .map(|archive| ("KLAMM_CDS_ARCHIVE".to_owned(), text(archive))),
    );
    images::Runtime {
        env,
        path: vec![runtime.home.join("bin")],
        directories: [("/opt/kafka".to_owned(), runtime.home.clone())].into(),
        entrypoint: Vec::new(),
        id: format!(
            "apache/kafka:{} ({})",
            runtime.version,
            runtime.home.display()
        ),
    }
}

/// `apache/kafka:4.3.1` → `4.3.1`; `…/kafka:1.2.0-kafka-4.3.1` → `4.3.1`, as Strimzi tags its images.
pub(super) fn version_of(image: &str) -> Option<String> {
    let tag = images::ImageName::parse(image)?.tag?;
    let version = tag
        .rsplit_once("kafka-")
        .map_or(tag, |(_, version)| version);
    let is_version = version.split('.').count() == 3
        && version
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    is_version.then(|| version.to_owned())
}
