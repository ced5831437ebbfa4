//! `meta.properties`: who a log directory belongs to. Source: `org.apache.kafka.metadata.properties.MetaProperties`.

use std::path::Path;

use crate::RunnerError;

/// Name of the file in each log directory.
pub(crate) const FILE: &str = "meta.properties";

/// What the file says. Version 0 files (`broker.id`, ZooKeeper's time) name no cluster for certain and are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the keys of the file")]
pub(crate) struct MetaProperties {
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    pub(crate) directory_id: Option<String>,
}

/// Reads the file's text. Errors: what is wrong with it, in words.
pub(crate) fn parse(text: &str) -> Result<MetaProperties, String> {
    let mut version = None;
    let mut cluster_id = None;
    let mut node_id = None;
    let mut directory_id = None;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some((key, value)) = line.split_once('=') else {
            return Err(format!("line {line:?} is not key=value"));
        };
        match key {
            "version" => version = Some(value),
            "cluster.id" => cluster_id = Some(value.to_owned()),
            "node.id" => {
                node_id = Some(
                    value
                        .parse()
                        .map_err(|_| format!("node.id={value:?} is not a number"))?,
                );
            }
            "directory.id" => directory_id = Some(value.to_owned()),
            _ => {}
        }
    }
    match version {
        Some("1") => {}
        Some(other) => return Err(format!("version={other} is not 1")),
        None => return Err("it names no version".to_owned()),
    }
    Ok(MetaProperties {
        cluster_id: cluster_id.ok_or("it names no cluster.id")?,
        node_id: node_id.ok_or("it names no node.id")?,
        directory_id,
    })
}

/// What the log directory says of itself; `None` if it has no such file.
pub(crate) fn read(log_dir: &Path) -> Result<Option<MetaProperties>, RunnerError> {
    let path = log_dir.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            parse(&text).map(Some).map_err(|reason| RunnerError::Configuration {
                reason: format!(
                    "is damaged: {reason}. Nothing was started or changed. Put the file back from a backup, or write \
                     version=1, cluster.id, node.id and directory.id by hand"
                ),
                path,
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RunnerError::file("read", &path)(error)),
    }
}

/// The same text with another directory id.
pub(crate) fn with_directory_id(text: &str, id: &str) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("directory.id="))
        .map(str::to_owned)
        .collect();
    lines.push(format!("directory.id={id}"));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;
