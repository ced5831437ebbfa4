//! Files of a volume, replaced all at once, with the layout that programs know from Kubernetes:
//!
//! ```text
//! key      → ..data/key
//! ..data   → ..2026_11_21_09_00_00.123456789
//! ..2026_11_21_09_00_00.123456789/key
//! ```
//!
//! Invariant: whoever resolves `..data` once sees one version of all files.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use jiff::Timestamp;

use super::Files;
use crate::files;

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";

/// Makes `directory` hold exactly `wanted`; says whether anything changed.
pub(crate) fn replace_files(directory: &Path, wanted: &Files, now: Timestamp) -> io::Result<bool> {
    files::private_dir(directory)?;
    let current = fs::read_link(directory.join(DATA)).ok();
    if let Some(current) = &current
        && same(&directory.join(current), wanted)
    {
        return Ok(false);
    }
    let version = format!(
        "..{}.{:08x}",
        now.strftime("%Y_%m_%d_%H_%M_%S"),
        rand::random::<u32>()
    );
    let fresh = directory.join(&version);
    files::private_dir(&fresh)?;
    for (path, file) in wanted {
        let path = fresh.join(path);
        if let Some(parent) = path.parent() {
            files::private_dir(parent)?;
        }
        let mut written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(file.mode)
            .open(&path)?;
        written.set_permissions(Permissions::from_mode(file.mode))?;
        written.write_all(&file.content)?;
    }
    files::remove(&directory.join(NEW_DATA))?;
    symlink(&version, directory.join(NEW_DATA))?;
    fs::rename(directory.join(NEW_DATA), directory.join(DATA))?;

    let tops: BTreeSet<&str> = wanted
        .keys()
        .filter_map(|path| path.split('/').next())
        .collect();
    for top in &tops {
        let link = directory.join(top);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new(DATA).join(top), &link)?;
        }
    }
    for entry in fs::read_dir(directory)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let stale = if name.starts_with("..") {
            name != DATA && *name != *version
        } else {
            !tops.contains(&*name)
        };
        if stale {
            files::remove(&entry.path())?;
        }
    }
    Ok(true)
}

/// The directory holds these files, with these contents and modes, and no others.
fn same(directory: &Path, wanted: &Files) -> bool {
    let mut found = 0;
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            return false;
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else {
                found += 1;
            }
        }
    }
    found == wanted.len()
        && wanted.iter().all(|(path, file)| {
            let path = directory.join(path);
            fs::metadata(&path)
                .is_ok_and(|metadata| metadata.permissions().mode() & 0o777 == file.mode)
                && fs::read(&path).is_ok_and(|content| content == file.content)
        })
}
