//! The volume of a store: held by one process, this server's own, and begun with only where that is permitted.
//!
//! A file beside the data says whose they are. ZooKeeper's `initialize` makes a server vote with nothing on its disk;
//! it is written only for a first one (`initial`), so that a server that lost its disk (`join`) first follows a leader.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use model::observed::runner::Refusal;
use model::runner::Format;
use model::runner::store::{StoreConfig, StoreProgram};

use super::entries;
use crate::RunnerError;
use crate::environment::Environment;
use crate::volume::lock_mount;

/// Says whose the volume is.
const IDENTITY: &str = "klamm-store.properties";
/// In the Pod's memory volume: gone with the Pod, not with the container.
const MARKER: &str = "/var/run/klamm/format-permission-used";
/// ZooKeeper's own id.
const MY_ID: &str = "myid";
/// Makes ZooKeeper believe that its empty disk was always empty.
const INITIALIZE: &str = "initialize";

/// Locks the volume, or says that another process holds it.
pub(super) fn lock(environment: &Environment, config: &StoreConfig) -> Result<File, RunnerError> {
    let mount = environment.path(&config.mount);
    lock_mount(&mount, || {
        refuse(
            environment,
            config,
            Refusal::VolumeLocked,
            "another process runs on it; waiting for that one to end".to_owned(),
        )
    })
}

/// Sees that the volume is this server's, with everything on it that the program needs to start.
pub(super) fn prepare(environment: &Environment, config: &StoreConfig) -> Result<(), RunnerError> {
    let mount = environment.path(&config.mount);
    let data = environment.path(&config.data_dir);
    let identity = mount.join(IDENTITY);
    let own = identity_of(config);
    match std::fs::read_to_string(&identity) {
        Ok(found) if found == own => return write_my_id(&data, config),
        Ok(found) => {
            let refusal = if found.contains(&format!("cluster.id={}\n", config.cluster_id)) {
                Refusal::ForeignNode
            } else {
                Refusal::ForeignCluster
            };
            let reason = format!(
                "belongs to another store ({}), not to this one ({}); nothing was started or changed. Give the Pod \
                 its own volume back",
                on_one_line(&found),
                on_one_line(&own)
            );
            return Err(refuse(environment, config, refusal, reason));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(RunnerError::file("read", &identity)(error)),
    }
    let begun = |name: &String| name == MY_ID || name == INITIALIZE;
    if !entries(&data)?.iter().all(begun) {
        let reason = format!(
            "{} holds data and {IDENTITY} beside it is missing, which says whose; nothing was started or changed. Put \
             the file back: {}",
            data.display(),
            on_one_line(&own)
        );
        return Err(refuse(
            environment,
            config,
            Refusal::CorruptedMetadata,
            reason,
        ));
    }
    begin(environment, config, &data)?;
    std::fs::write(&identity, own).map_err(RunnerError::file("write", &identity))?;
    let marker = environment.path(MARKER);
    std::fs::write(&marker, "").map_err(RunnerError::file("write", &marker))
}

fn identity_of(config: &StoreConfig) -> String {
    let program = match config.program {
        StoreProgram::ZooKeeper { .. } => "zookeeper",
        StoreProgram::Etcd { .. } => "etcd",
    };
    format!(
        "cluster.id={}\nserver={}\nprogram={program}\n",
        config.cluster_id, config.server
    )
}

fn begin(environment: &Environment, config: &StoreConfig, data: &Path) -> Result<(), RunnerError> {
    let why = match environment.format {
        None => "this Pod has no permission to begin with an empty one",
        Some(_) if environment.path(MARKER).exists() => {
            "this Pod has used its permission to begin with an empty one already"
        }
        Some(format) => {
            tracing::info!(permission = format.as_str(), data = %data.display(), "begins with an empty volume");
            write_my_id(data, config)?;
            let initialize = data.join(INITIALIZE);
            if format == Format::Initial && matches!(config.program, StoreProgram::ZooKeeper { .. })
            {
                std::fs::write(&initialize, "").map_err(RunnerError::file("write", &initialize))?;
            }
            return Ok(());
        }
    };
    let reason = format!(
        "{} is empty and {why}. An unexpectedly empty disk may mean lost metadata, so nothing was started; `klamm plan \
         show {}` says what happens next",
        data.display(),
        config.cluster
    );
    Err(refuse(environment, config, Refusal::EmptyVolume, reason))
}

fn write_my_id(data: &Path, config: &StoreConfig) -> Result<(), RunnerError> {
    std::fs::create_dir_all(data).map_err(RunnerError::file("create", data))?;
    match config.program {
        StoreProgram::ZooKeeper { id, .. } => {
            let path = data.join(MY_ID);
            std::fs::write(&path, format!("{id}\n")).map_err(RunnerError::file("write", &path))
        }
        // Its own insistence: nobody else may read there.
        StoreProgram::Etcd { .. } => {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
                .map_err(RunnerError::file("protect", data))
        }
    }
}

fn refuse(
    environment: &Environment,
    config: &StoreConfig,
    refusal: Refusal,
    reason: String,
) -> RunnerError {
    RunnerError::Refused {
        refusal,
        volumes: BTreeSet::new(),
        volume: environment.path(&config.mount),
        reason,
    }
}

fn on_one_line(text: &str) -> String {
    text.trim().replace('\n', ", ")
}

#[cfg(test)]
mod tests;
