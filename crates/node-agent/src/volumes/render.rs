//! Which files a volume holds, from the objects it names. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, Container, DownwardAPIVolumeFile, KeyToPath, Pod, SecretProjection,
    Volume, VolumeProjection,
};

use super::{Tokens, VolumeProblem};
use crate::container::environment::{Facts, field, resource};
use crate::sources::{Content, PodSources, SourceKey, SourceKind};

/// Files by path below the volume.
pub(crate) type Files = BTreeMap<String, File>;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub content: Vec<u8>,
    pub mode: u32,
}

/// What a volume is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rendered {
    /// A directory of the Pod.
    Empty { memory: bool },
    /// The volume of a claim.
    Claim { name: String },
    /// Files made from objects.
    Files(Files),
    /// A directory or file of the machine.
    Host { path: String, kind: String },
}

const DEFAULT_MODE: i32 = 0o644;

/// Objects that the volumes of a Pod are made from.
pub(crate) fn source_keys(pod: &Pod, namespace: &str) -> Vec<SourceKey> {
    let key = |kind, name: &str| SourceKey {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let mut keys = Vec::new();
    for volume in pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten())
    {
        if let Some(source) = &volume.config_map {
            keys.push(key(SourceKind::ConfigMap, &source.name));
        }
        if let Some(name) = volume
            .secret
            .as_ref()
            .and_then(|source| source.secret_name.as_ref())
        {
            keys.push(key(SourceKind::Secret, name));
        }
        for source in volume
            .projected
            .iter()
            .flat_map(|projected| projected.sources.iter().flatten())
        {
            keys.extend(
                source
                    .config_map
                    .as_ref()
                    .map(|source| key(SourceKind::ConfigMap, &source.name)),
            );
            keys.extend(
                source
                    .secret
                    .as_ref()
                    .map(|source| key(SourceKind::Secret, &source.name)),
            );
        }
    }
    keys
}

/// What is read while rendering.
pub(crate) struct Inputs<'a> {
    pub pod: &'a Pod,
    pub facts: &'a Facts,
    pub sources: &'a PodSources,
    pub tokens: &'a Tokens,
}

/// What `volume` holds now.
pub(crate) fn render(volume: &Volume, inputs: &Inputs<'_>) -> Result<Rendered, VolumeProblem> {
    let problem = |problem: String| VolumeProblem {
        volume: volume.name.clone(),
        problem,
    };
    if let Some(source) = &volume.empty_dir {
        return Ok(Rendered::Empty {
            memory: source.medium.as_deref() == Some("Memory"),
        });
    }
    if let Some(source) = &volume.persistent_volume_claim {
        return Ok(Rendered::Claim {
            name: source.claim_name.clone(),
        });
    }
    if let Some(source) = &volume.ephemeral {
        let _ = source;
        // The claim of a generic ephemeral volume is named after the Pod and the volume.
        let pod = inputs.pod.metadata.name.as_deref().unwrap_or_default();
        return Ok(Rendered::Claim {
            name: format!("{pod}-{}", volume.name),
        });
    }
    if let Some(source) = &volume.host_path {
        return Ok(Rendered::Host {
            path: source.path.clone(),
            kind: source.type_.clone().unwrap_or_default(),
        });
    }
    let files = if let Some(source) = &volume.config_map {
        let object = object(inputs, SourceKind::ConfigMap, &source.name, source.optional)
            .map_err(problem)?;
        let mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        keyed(
            object.as_ref(),
            source.items.as_deref(),
            source.optional,
            mode,
            SourceKind::ConfigMap,
        )
        .map_err(problem)?
    } else if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let object = object(inputs, SourceKind::Secret, name, source.optional).map_err(problem)?;
        let mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        keyed(
            object.as_ref(),
            source.items.as_deref(),
            source.optional,
            mode,
            SourceKind::Secret,
        )
        .map_err(problem)?
    } else if let Some(source) = &volume.downward_api {
        let mode = source.default_mode.unwrap_or(DEFAULT_MODE);
        downward(source.items.as_deref().unwrap_or_default(), mode, inputs).map_err(problem)?
    } else if let Some(projected) = &volume.projected {
        let mode = projected.default_mode.unwrap_or(DEFAULT_MODE);
        let mut files = Files::new();
        for source in projected.sources.iter().flatten() {
            files.extend(project(&volume.name, source, mode, inputs).map_err(problem)?);
        }
        files
    } else {
        return Err(problem(
            "this node knows volumes of type emptyDir, persistentVolumeClaim, configMap, secret, downwardAPI and projected".to_owned(),
        ));
    };
    Ok(Rendered::Files(files))
}

fn project(
    volume: &str,
    source: &VolumeProjection,
    mode: i32,
    inputs: &Inputs<'_>,
) -> Result<Files, String> {
    if let Some(ConfigMapProjection {
        items,
        name,
        optional,
    }) = &source.config_map
    {
        let object = object(inputs, SourceKind::ConfigMap, name, *optional)?;
        return keyed(
            object.as_ref(),
            items.as_deref(),
            *optional,
            mode,
            SourceKind::ConfigMap,
        );
    }
    if let Some(SecretProjection {
        items,
        name,
        optional,
    }) = &source.secret
    {
        let object = object(inputs, SourceKind::Secret, name, *optional)?;
        return keyed(
            object.as_ref(),
            items.as_deref(),
            *optional,
            mode,
            SourceKind::Secret,
        );
    }
    if let Some(source) = &source.downward_api {
        return downward(source.items.as_deref().unwrap_or_default(), mode, inputs);
    }
    if let Some(token) = &source.service_account_token {
        // Without a TokenRequest API there is no token; what does not need one runs all the same.
        let file = inputs.tokens.get(volume, &token.path);
        return Ok(file
            .map(|content| {
                (
                    token.path.clone(),
                    File {
                        content: content.into_bytes(),
                        mode: 0o600,
                    },
                )
            })
            .into_iter()
            .collect());
    }
    Err("this node knows projections of type configMap, secret, downwardAPI and serviceAccountToken".to_owned())
}

type Object = std::sync::Arc<BTreeMap<String, Vec<u8>>>;

/// `Ok(None)`: not there, and that is fine.
fn object(
    inputs: &Inputs<'_>,
    kind: SourceKind,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<Object>, String> {
    match inputs.sources.content(kind, name) {
        Content::Present(content) => Ok(Some(content)),
        Content::Absent if optional == Some(true) => Ok(None),
        Content::Absent => Err(format!("{} {name:?} not found", kind.word())),
        Content::Unknown => Err(format!("{} {name:?} has not been read yet", kind.word())),
    }
}

fn keyed(
    object: Option<&Object>,
    items: Option<&[KeyToPath]>,
    optional: Option<bool>,
    mode: i32,
    kind: SourceKind,
) -> Result<Files, String> {
    let Some(object) = object else {
        return Ok(Files::new());
    };
    let mode_of = |mode: i32| match kind {
        // Nobody but the owner reads a Secret, whatever the manifest says: there is no container around it here.
        SourceKind::Secret => 0o600,
        SourceKind::ConfigMap => u32::try_from(mode).unwrap_or(0o644) & 0o777 | 0o400,
    };
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        return Ok(object
            .iter()
            .map(|(key, content)| {
                (
                    key.clone(),
                    File {
                        content: content.clone(),
                        mode: mode_of(mode),
                    },
                )
            })
            .collect());
    };
    let mut files = Files::new();
    for KeyToPath {
        key,
        mode: own,
        path,
        user: _,
    } in items
    {
        check_path(path)?;
        match object.get(key) {
            Some(content) => {
                files.insert(
                    path.clone(),
                    File {
                        content: content.clone(),
                        mode: mode_of(own.unwrap_or(mode)),
                    },
                );
            }
            None if optional == Some(true) => {}
            None => {
                return Err(format!(
                    "references non-existent {} key: {key}",
                    kind.word()
                ));
            }
        }
    }
    Ok(files)
}

fn downward(
    items: &[DownwardAPIVolumeFile],
    mode: i32,
    inputs: &Inputs<'_>,
) -> Result<Files, String> {
    let mut files = Files::new();
    for DownwardAPIVolumeFile {
        field_ref,
        mode: own,
        path,
        resource_field_ref,
        user: _,
    } in items
    {
        check_path(path)?;
        let text = if let Some(reference) = field_ref {
            field(reference, inputs.pod, inputs.facts).map_err(|error| error.to_string())?
        } else if let Some(reference) = resource_field_ref {
            let name = reference.container_name.as_deref().unwrap_or_default();
            let container = container(inputs.pod, name)
                .ok_or_else(|| format!("container {name:?} not found"))?;
            resource(reference, container, inputs.facts).map_err(|error| error.to_string())?
        } else {
            return Err(format!(
                "{path}: names neither fieldRef nor resourceFieldRef"
            ));
        };
        let mode = u32::try_from(own.unwrap_or(mode)).unwrap_or(0o644) & 0o777 | 0o400;
        files.insert(
            path.clone(),
            File {
                content: text.into_bytes(),
                mode,
            },
        );
    }
    Ok(files)
}

fn container<'a>(pod: &'a Pod, name: &str) -> Option<&'a Container> {
    let spec = pod.spec.as_ref()?;
    spec.containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
        .find(|container| container.name == name)
}

/// The API server checks this too; a path out of the volume must not depend on that.
fn check_path(path: &str) -> Result<(), String> {
    let inside = !path.starts_with('/')
        && !path.is_empty()
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    // Names of ours begin with two dots.
    if inside && !path.starts_with("..") {
        Ok(())
    } else {
        Err(format!("path {path:?} does not stay inside the volume"))
    }
}
