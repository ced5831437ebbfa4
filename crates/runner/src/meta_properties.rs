//! `meta.properties`: who a log directory belongs to. Source: `org.apache.kafka.metadata.properties.MetaProperties`.

use std::path::Path;

use crate::RunnerError;

/// Name of the file in each log directory.
pub(crate) const FILE: &str = "meta.properties";

/// The two forms of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 1, with `node.id`.
    KRaft,
    /// 0, with `broker.id`, where the metadata are behind ZooKeeper's protocol.
    ZooKeeper,
}

impl Version {
    const fn number(self) -> &'static str {
        match self {
            Self::KRaft => "1",
            Self::ZooKeeper => "0",
        }
    }

    const fn id_key(self) -> &'static str {
        match self {
            Self::KRaft => "node.id",
            Self::ZooKeeper => "broker.id",
        }
    }
}

/// What the file says. Files of the other form than expected are refused: they are of another kind of cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the keys of the file")]
pub(crate) struct MetaProperties {
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    pub(crate) directory_id: Option<String>,
}

/// Reads the file's text. Errors: what is wrong with it, in words.
pub(crate) fn parse(text: &str, expected: Version) -> Result<MetaProperties, String> {
    let mut version = None;
    let mut cluster_id = None;
    let mut node_id = None;
    let mut directory_id = None;
    for (number, line) in (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        let Some((key, value)) = line.split_once('=') else {
            return Err(format!("line {number} is not key=value"));
        };
        match key {
            "version" => version = Some(value),
            "cluster.id" => cluster_id = Some(value.to_owned()),
            _ if key == expected.id_key() => {
                node_id = Some(
                    value
                        .parse()
                        .map_err(|_| format!("{key}={value:?} is not a number"))?,
                );
            }
            "directory.id" => directory_id = Some(value.to_owned()),
            _ => {}
        }
    }
    match version {
        Some(number) if number == expected.number() => {}
        Some(other) => return Err(format!("version={other} is not {}", expected.number())),
        None => return Err("it names no version".to_owned()),
    }
    Ok(MetaProperties {
        cluster_id: cluster_id.ok_or("it names no cluster.id")?,
        node_id: node_id.ok_or_else(|| format!("it names no {}", expected.id_key()))?,
        directory_id,
    })
}

/// What a log directory of whatever form says of itself.
pub(crate) fn read(log_dir: &Path) -> Result<Option<MetaProperties>, RunnerError> {
    read_as(log_dir, Version::KRaft).or_else(|_| read_as(log_dir, Version::ZooKeeper))
}

/// The file of a node that never ran.
pub(crate) fn of_new(
    version: Version,
    cluster_id: &str,
    id: i32,
    directory_id: Option<&str>,
) -> String {
    let directory = directory_id.map_or_else(String::new, |id| format!("directory.id={id}\n"));
    format!(
        "version={}\n{}={id}\ncluster.id={cluster_id}\n{directory}",
        version.number(),
        version.id_key()
    )
}

/// What the log directory says of itself; `None` if it has no such file.
pub(crate) fn read_as(
    log_dir: &Path,
    expected: Version,
) -> Result<Option<MetaProperties>, RunnerError> {
    let path = log_dir.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            parse(&text, expected)
                .map(Some)
                .map_err(|reason| RunnerError::Configuration {
                    reason: format!("is damaged ({reason})"),
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
