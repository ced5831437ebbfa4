//! Manifests from files, directories and standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A file's text.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file, or `-`.
    pub(crate) file: String,
    /// All of it.
    pub(crate) text: String,
}

/// What was found in the files given.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Those that could be read.
    pub(crate) texts: Vec<Source>,
    /// Those that could not, and why.
    pub(crate) unreadable: Vec<(String, String)>,
}

/// Every `.yaml`, `.yml` and `.json` file of the arguments; a directory stands for those in it, and in the directories in
/// it if that is asked for, `-` for standard input.
///
/// A file that cannot be read hides no other.
pub(crate) fn read_sources(arguments: &[PathBuf], recursive: bool) -> Sources {
    let mut sources = Sources::default();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes).map(|_| bytes);
            sources.take("-".to_owned(), read);
        } else if argument.is_dir() {
            let name = argument.display().to_string();
            match files_in(argument, recursive) {
                Ok(files) if files.is_empty() => {
                    let hint = if recursive {
                        ""
                    } else {
                        " (-R searches the directories in it as well)"
                    };
                    let why =
                        format!("there is no .yaml, .yml or .json file in this directory{hint}");
                    sources.unreadable.push((name, why));
                }
                Ok(files) => files.iter().for_each(|file| sources.read(file)),
                Err(error) => sources.unreadable.push((name, error.to_string())),
            }
        } else {
            sources.read(argument);
        }
    }
    sources
}

impl Sources {
    fn read(&mut self, file: &Path) {
        self.take(file.display().to_string(), std::fs::read(file));
    }

    fn take(&mut self, file: String, read: std::io::Result<Vec<u8>>) {
        let text = read
            .map_err(|error| error.to_string())
            .and_then(|bytes| String::from_utf8(bytes).map_err(|error| not_text(&error)));
        match text {
            Ok(text) => self.texts.push(Source { file, text }),
            Err(why) => self.unreadable.push((file, why)),
        }
    }
}

fn not_text(error: &std::string::FromUtf8Error) -> String {
    let first = error.utf8_error().valid_up_to() + 1;
    format!("it is not UTF-8 text (byte {first} is the first that is not)")
}

fn files_in(dir: &Path, recursive: bool) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let is_manifest = path
            .extension()
            .is_some_and(|ext| ["yaml", "yml", "json"].iter().any(|known| ext == *known));
        // As with kubectl, no link is followed to another directory: it may lead back here.
        if recursive && entry.file_type()?.is_dir() {
            files.extend(files_in(&path, recursive)?);
        } else if is_manifest && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_in_directories_are_searched_if_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("b/c.yaml");
        std::fs::create_dir_all(&below).unwrap();
        for path in [
            dir.path().join("a.yaml"),
            below.join("d.json"),
            below.join("e.txt"),
        ] {
            std::fs::write(path, "{}").unwrap();
        }
        let found = |recursive: bool| {
            let sources = read_sources(&[dir.path().to_owned()], recursive);
            let names = sources.texts.into_iter().map(|source| source.file);
            let prefix = format!("{}/", dir.path().display());
            names
                .map(|name| name.replacen(&prefix, "", 1))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(false), ["a.yaml"]);
        assert_eq!(found(true), ["a.yaml", "b/c.yaml/d.json"]);
        let alone = read_sources(&[dir.path().join("b")], false);
        assert!(alone.unreadable[0].1.contains("-R"), "{alone:?}");
    }
}
