//! The variables a container asks for: values, references to other objects, `$(NAME)`. Pure: what is referred to
//! is looked up through [`Lookup`].

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, EnvVarSource, ObjectFieldSelector, Pod, ResourceFieldSelector,
};

use crate::quantity;

/// Secrets and ConfigMaps by name, as texts.
pub(crate) trait Lookup {
    /// `None`: there is no such ConfigMap.
    fn config_map(&self, name: &str) -> Option<BTreeMap<String, String>>;
    /// `None`: there is no such Secret.
    fn secret(&self, name: &str) -> Option<BTreeMap<String, String>>;
}

/// What a container's environment needs that is not there; shown as `CreateContainerConfigError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub String);

/// Facts about the Pod and its node that the downward API can name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub pod_ip: String,
    pub host_ip: String,
    pub node_name: String,
    /// What limits default to.
    pub allocatable: BTreeMap<String, String>,
}

/// Names of the objects a container's environment refers to: (ConfigMaps, Secrets).
pub(crate) fn references(container: &Container) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut config_maps = BTreeSet::new();
    let mut secrets = BTreeSet::new();
    for from in container.env_from.iter().flatten() {
        config_maps.extend(
            from.config_map_ref
                .as_ref()
                .map(|reference| reference.name.clone()),
        );
        secrets.extend(
            from.secret_ref
                .as_ref()
                .map(|reference| reference.name.clone()),
        );
    }
    for from in container
        .env
        .iter()
        .flatten()
        .filter_map(|variable| variable.value_from.as_ref())
    {
        config_maps.extend(
            from.config_map_key_ref
                .as_ref()
                .map(|reference| reference.name.clone()),
        );
        secrets.extend(
            from.secret_key_ref
                .as_ref()
                .map(|reference| reference.name.clone()),
        );
    }
    (config_maps, secrets)
}

/// The variables of `container`, complete.
pub(crate) fn variables(
    container: &Container,
    pod: &Pod,
    facts: &Facts,
    lookup: &dyn Lookup,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let (kind, name, optional, content) = if let Some(reference) = &from.config_map_ref {
            (
                "configmap",
                &reference.name,
                reference.optional,
                lookup.config_map(&reference.name),
            )
        } else if let Some(reference) = &from.secret_ref {
            (
                "secret",
                &reference.name,
                reference.optional,
                lookup.secret(&reference.name),
            )
        } else {
            continue;
        };
        match content {
            Some(content) => variables.extend(
                content
                    .into_iter()
                    .map(|(key, value)| (format!("{prefix}{key}"), value)),
            ),
            None if optional == Some(true) => {}
            None => return Err(ConfigError(format!("{kind} {name:?} not found"))),
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &variables)),
            (None, Some(from)) => referenced(from, container, pod, facts, lookup)?,
            (None, None) => Some(String::new()),
        };
        if let Some(value) = value {
            variables.insert(variable.name.clone(), value);
        }
    }
    Ok(variables)
}

/// `None`: an optional reference to nothing.
fn referenced(
    from: &EnvVarSource,
    container: &Container,
    pod: &Pod,
    facts: &Facts,
    lookup: &dyn Lookup,
) -> Result<Option<String>, ConfigError> {
    let keyed = |kind: &str,
                 name: &str,
                 key: &str,
                 optional: Option<bool>,
                 content: Option<BTreeMap<String, String>>| {
        let error = match content {
            None => format!("{kind} {name:?} not found"),
            Some(content) => match content.get(key) {
                Some(value) => return Ok(Some(value.clone())),
                None => format!("couldn't find key {key} in {kind} {name}"),
            },
        };
        if optional == Some(true) {
            Ok(None)
        } else {
            Err(ConfigError(error))
        }
    };
    if let Some(reference) = &from.config_map_key_ref {
        return keyed(
            "configmap",
            &reference.name,
            &reference.key,
            reference.optional,
            lookup.config_map(&reference.name),
        );
    }
    if let Some(reference) = &from.secret_key_ref {
        return keyed(
            "secret",
            &reference.name,
            &reference.key,
            reference.optional,
            lookup.secret(&reference.name),
        );
    }
    if let Some(reference) = &from.field_ref {
        return field(reference, pod, facts).map(Some);
    }
    if let Some(reference) = &from.resource_field_ref {
        return resource(reference, container, facts).map(Some);
    }
    Err(ConfigError(
        "valueFrom names none of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef"
            .to_owned(),
    ))
}

/// The text of one field of a Pod, as the downward API names it.
pub(crate) fn field(
    reference: &ObjectFieldSelector,
    pod: &Pod,
    facts: &Facts,
) -> Result<String, ConfigError> {
    let metadata = &pod.metadata;
    let map = |map: &Option<BTreeMap<String, String>>| {
        map.iter()
            .flatten()
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let subscript = |prefix: &str| {
        reference
            .field_path
            .strip_prefix(prefix)?
            .strip_suffix("']")
            .map(str::to_owned)
    };
    if let Some(key) = subscript("metadata.labels['") {
        return Ok(metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(&key))
            .cloned()
            .unwrap_or_default());
    }
    if let Some(key) = subscript("metadata.annotations['") {
        return Ok(metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(&key))
            .cloned()
            .unwrap_or_default());
    }
    let spec = pod.spec.as_ref();
    let text = match reference.field_path.as_str() {
        "metadata.name" => metadata.name.clone().unwrap_or_default(),
        "metadata.namespace" => metadata.namespace.clone().unwrap_or_default(),
        "metadata.uid" => metadata.uid.clone().unwrap_or_default(),
        "metadata.labels" => map(&metadata.labels),
        "metadata.annotations" => map(&metadata.annotations),
        "spec.nodeName" => facts.node_name.clone(),
        "spec.serviceAccountName" => spec
            .and_then(|spec| spec.service_account_name.clone())
            .unwrap_or_else(|| "default".to_owned()),
        "status.hostIP" | "status.hostIPs" => facts.host_ip.clone(),
        "status.podIP" | "status.podIPs" => facts.pod_ip.clone(),
        other => return Err(ConfigError(format!("unsupported fieldPath: {other}"))),
    };
    Ok(text)
}

/// A request or limit of a container, divided.
pub(crate) fn resource(
    reference: &ResourceFieldSelector,
    container: &Container,
    facts: &Facts,
) -> Result<String, ConfigError> {
    let unsupported = || ConfigError(format!("unsupported resource: {}", reference.resource));
    let (kind, name) = reference.resource.split_once('.').ok_or_else(unsupported)?;
    let resources = container.resources.as_ref();
    let amounts = match kind {
        "limits" => resources.and_then(|resources| resources.limits.as_ref()),
        "requests" => resources.and_then(|resources| resources.requests.as_ref()),
        _ => return Err(unsupported()),
    };
    let amount = amounts
        .and_then(|amounts| amounts.get(name))
        .map(|amount| amount.0.clone());
    let amount = match (amount, kind) {
        (Some(amount), _) => amount,
        // A limit that is not set is all the node has; a request that is not set is nothing.
        (None, "limits") => facts
            .allocatable
            .get(name)
            .cloned()
            .unwrap_or_else(|| "0".to_owned()),
        (None, _) => "0".to_owned(),
    };
    let divisor = reference
        .divisor
        .as_ref()
        .map(|divisor| divisor.0.as_str())
        .unwrap_or_default();
    quantity::divided(&amount, divisor)
        .map(|value| value.to_string())
        .ok_or_else(unsupported)
}

/// Replaces `$(NAME)`; `$$(NAME)` is a literal `$(NAME)`, an unknown name stays as it is.
pub(crate) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('$') {
        let (before, after) = rest.split_at(position);
        result.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        if let Some(literal) = after.strip_prefix('$') {
            result.push('$');
            rest = literal;
        } else if let Some((name, tail)) = after
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
        {
            match variables.get(name) {
                Some(value) => result.push_str(value),
                None => result.extend(["$(", name, ")"]),
            }
            rest = tail;
        } else {
            result.push('$');
            rest = after;
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests;
