//! Which programs an image stands for on this machine. There are no container images here: an image is a name
//! for a set of programs that are already on the machine or that a runtime brings.
//!
//! | image | stands for |
//! |---|---|
//! | `klamm:*`, `…/klamm:*` | the running executable, as `klamm` and `/klamm` |
//! | `apache/kafka:*` and any repository with `kafka` in its name | what [`Runtimes`] answers |
//! | `etcd:*`, `…/etcd:*` | the `etcd` on `PATH` |
//! | `host:*` (only where allowed) | the programs of this machine |
//!
//! Not here: how a runtime is fetched and checked (`runtime`), how a command is found in an image (`container::command`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::settings::Settings;

/// Answers for a Kafka image, at once: work that takes time goes on in the background and shows as `Pulling`.
///
/// Asked again every 50 ms while `Pulling`, and with back-off after `Failed`.
pub type Runtimes = Arc<dyn Fn(&str) -> RuntimeState + Send + Sync>;

/// How far a Kafka runtime is.
#[derive(Debug, Clone)]
pub enum RuntimeState {
    /// It can be used now.
    Ready(Runtime),
    /// It is being fetched; `progress` is shown as an event and in `klamm up`.
    Pulling {
        /// For people: "42 of 92 jars".
        progress: String,
    },
    /// It cannot be had, for now; shown as `ErrImagePull`, asked again later.
    Failed {
        /// What is wrong and how to help, one sentence or two.
        reason: String,
    },
}

/// A Kafka runtime as a container sees it.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// Environment for each container of the image (`KLAMM_KAFKA_HOME`, `KLAMM_JAVA`, `KLAMM_CDS_ARCHIVE`, `JAVA_HOME` …).
    pub env: BTreeMap<String, String>,
    /// Directories put before `PATH` (the launchers `kafka-topics.sh` …).
    pub path: Vec<PathBuf>,
    /// Container directories that stand for directories here (`/opt/kafka` → the runtime's home).
    pub directories: BTreeMap<String, PathBuf>,
    /// Command of the image when the container names none.
    pub entrypoint: Vec<String>,
    /// What identifies it, for `imageID` (a version with a checksum).
    pub id: String,
}

/// An image that can run here.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// Environment the image brings; the container's own goes over it.
    pub env: BTreeMap<String, String>,
    /// Directories put before `PATH`.
    pub path: Vec<PathBuf>,
    /// Programs by the names commands use for them.
    pub programs: BTreeMap<String, PathBuf>,
    /// Container directories that stand for directories here.
    pub directories: BTreeMap<String, PathBuf>,
    /// Command when the container names none.
    pub entrypoint: Vec<String>,
    /// Any program of this machine may be run by its path.
    pub host_programs: bool,
    /// For `status.containerStatuses[].imageID`.
    pub id: String,
}

/// What is known of an image now.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// It can run.
    Ready(Box<Image>),
    /// Not yet; ask again soon.
    Pulling {
        /// For people.
        progress: String,
    },
}

/// Why an image cannot run here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The name itself is wrong.
    #[error("{image:?} is not an image name")]
    InvalidName {
        /// As given.
        image: String,
    },
    /// Nothing on this node stands for it.
    #[error(
        "image {image:?} stands for no program on this node, which runs Pods as processes: \
         it knows klamm:*, etcd:* and Kafka images such as apache/kafka:4.3.1"
    )]
    Unknown {
        /// As given.
        image: String,
    },
    /// Its runtime cannot be had.
    #[error("{reason}")]
    Pull {
        /// What the runtime says.
        reason: String,
    },
}

impl ImageError {
    /// The kubelet's word for it in `state.waiting.reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } => "InvalidImageName",
            Self::Unknown { .. } | Self::Pull { .. } => "ErrImagePull",
        }
    }
}

/// What `image` stands for on this node.
pub fn resolve(image: &str, settings: &Settings) -> Result<Resolution, ImageError> {
    let Some(name) = ImageName::parse(image) else {
        return Err(ImageError::InvalidName {
            image: image.to_owned(),
        });
    };
    if settings.allow_host_images && name.repository == "host" {
        return Ok(Resolution::Ready(Box::new(Image {
            host_programs: true,
            id: image.to_owned(),
            ..Image::default()
        })));
    }
    if name.last() == "klamm" {
        let programs = ["klamm", "/klamm"]
            .into_iter()
            .map(|program| (program.to_owned(), settings.executable.clone()))
            .collect();
        return Ok(Resolution::Ready(Box::new(Image {
            programs,
            entrypoint: vec!["/klamm".to_owned()],
            id: format!("klamm:{}", settings.version),
            ..Image::default()
        })));
    }
    if name.last() == "etcd" {
        return etcd(image);
    }
    if name
        .repository
        .split('/')
        .any(|part| part.contains("kafka"))
    {
        return match (settings.runtimes)(image) {
            RuntimeState::Ready(Runtime {
                env,
                path,
                directories,
                entrypoint,
                id,
            }) => Ok(Resolution::Ready(Box::new(Image {
                env,
                path,
                directories,
                entrypoint,
                id,
                ..Image::default()
            }))),
            RuntimeState::Pulling { progress } => Ok(Resolution::Pulling { progress }),
            RuntimeState::Failed { reason } => Err(ImageError::Pull { reason }),
        };
    }
    Err(ImageError::Unknown {
        image: image.to_owned(),
    })
}

/// How the runner is told where this machine's etcd is.
const ETCD_PROGRAM: &str = "KLAMM_ETCD";

/// The etcd of this machine, whatever its version: it is only ever one member's.
fn etcd(image: &str) -> Result<Resolution, ImageError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join("etcd"))
        .find(|program| program.is_file());
    let Some(program) = found else {
        return Err(ImageError::Pull {
            reason: format!(
                "image {image:?} stands for the program etcd of this machine, and there is none on PATH: \
                 apt-get install etcd-server"
            ),
        });
    };
    let here = program.display().to_string();
    Ok(Resolution::Ready(Box::new(Image {
        env: BTreeMap::from([(ETCD_PROGRAM.to_owned(), here.clone())]),
        programs: ["etcd", "/usr/local/bin/etcd"]
            .into_iter()
            .map(|name| (name.to_owned(), program.clone()))
            .collect(),
        entrypoint: vec!["/usr/local/bin/etcd".to_owned()],
        id: format!("etcd:{here}"),
        ..Image::default()
    })))
}

/// An image name in its parts: `registry/repository:tag@digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName<'a> {
    /// Registry and path, without tag and digest.
    pub repository: &'a str,
    /// After the colon.
    pub tag: Option<&'a str>,
    /// After the at sign.
    pub digest: Option<&'a str>,
}

impl<'a> ImageName<'a> {
    /// `None` if it is not an image name.
    pub fn parse(image: &'a str) -> Option<Self> {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (image, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        let good_tag = |tag: &str| {
            !tag.is_empty()
                && tag.len() <= 128
                && tag
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        };
        let good_part = |(position, part): (usize, &str)| {
            !part.is_empty()
                && part.chars().all(|c| {
                    c.is_ascii_lowercase()
                        || c.is_ascii_digit()
                        || matches!(c, '_' | '.' | '-')
                        || (position == 0 && (c == ':' || c.is_ascii_uppercase()))
                })
        };
        let good = repository.split('/').enumerate().all(good_part)
            && tag.is_none_or(good_tag)
            && digest.is_none_or(|digest| digest.contains(':') && digest.len() > 8);
        good.then_some(Self {
            repository,
            tag,
            digest,
        })
    }

    /// Last part of the repository: `kafka` of `quay.io/strimzi/kafka`.
    pub fn last(&self) -> &'a str {
        self.repository
            .rsplit('/')
            .next()
            .unwrap_or(self.repository)
    }
}

#[cfg(test)]
mod tests;
