//! Manifests from files, directories and standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// One YAML document and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The file, or `-`.
    pub(crate) file: String,
    /// The parsed object.
    pub(crate) object: Value,
}

/// A file's text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file, or `-`.
    pub(crate) file: String,
    /// All of it.
    pub(crate) text: String,
}

/// Every `.yaml`, `.yml` and `.json` file of the arguments; a directory stands for those in it, `-` for standard input.
pub(crate) fn read_sources(arguments: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("reading standard input")?;
            sources.push(Source {
                file: "-".to_owned(),
                text,
            });
        } else if argument.is_dir() {
            let files = files_in(argument)?;
            if files.is_empty() {
                bail!(
                    "{}: there is no .yaml, .yml or .json file in this directory",
                    argument.display()
                );
            }
            for file in files {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(argument)?);
        }
    }
    Ok(sources)
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .with_context(|| format!("reading the directory {}", dir.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            path.extension()
                .is_some_and(|ext| ["yaml", "yml", "json"].iter().any(|known| ext == *known))
        })
        .collect();
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Source> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Source {
        file: file.display().to_string(),
        text,
    })
}
