//! Comparing a directory of jars with the committed list.
//!
//! Reading 55 MB at every start would cost more than it tells, so a stamp remembers size and modification time of
//! each jar that was found right; a jar whose stamp differs is read again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::RuntimeError;

/// Name of a jar → its SHA-256 in lower-case hex, as `sha256sum` prints it.
pub(super) fn parse(list: &str) -> BTreeMap<&str, &str> {
    list.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name, digest))
        .collect()
}

/// Every jar of the list is in `libs` and is what the list says; no other jar is there.
///
/// `what` names the release in errors. The stamp lies beside `libs` and is rewritten when something was read.
pub(super) fn verify(what: &str, libs: &Path, list: &str) -> Result<(), RuntimeError> {
    let wrong = |file: &str, reason: String| RuntimeError::Checksum {
        what: what.to_owned(),
        file: file.to_owned(),
        reason,
    };
    let expected = parse(list);
    let stamp_path = libs.with_file_name("verified");
    let stamp = std::fs::read_to_string(&stamp_path).unwrap_or_default();
    let mut fresh = String::new();
    for (name, digest) in &expected {
        let path = libs.join(name);
        let metadata = path
            .metadata()
            .map_err(|error| wrong(name, error.to_string()))?;
        let line = format!(
            "{digest}  {} {} {} {name}\n",
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec()
        );
        if !stamp.contains(&line) {
            let found = digest_of(&path).map_err(RuntimeError::cache(&path))?;
            if found != *digest {
                return Err(wrong(
                    name,
                    format!("expected SHA-256 {digest}, found {found}"),
                ));
            }
        }
        fresh.push_str(&line);
    }
    let stranger = std::fs::read_dir(libs)
        .map_err(RuntimeError::cache(libs))?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find(|name| !expected.contains_key(name.as_str()));
    if let Some(name) = stranger {
        return Err(wrong(&name, "it is not in the list".to_owned()));
    }
    if fresh != stamp {
        std::fs::write(&stamp_path, fresh).map_err(RuntimeError::cache(&stamp_path))?;
    }
    Ok(())
}

fn digest_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}
