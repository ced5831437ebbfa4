//! Strimzi's own files, which are beside a checkout and not in it.

use std::path::{Path, PathBuf};

/// The folder `name` of Strimzi's files; `None`, said aloud, where the files are absent.
///
/// With `KLAMM_REQUIRE_SHARED=1` absence is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its surroundings whether absence is a failure"
)]
pub(crate) fn strimzi(test: &str, name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/strimzi")
        .join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var("KLAMM_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "{test}: {} is absent, and KLAMM_REQUIRE_SHARED=1",
        folder.display()
    );
    println!("SKIPPED {test}: {} is absent", folder.display());
    None
}

/// Every YAML file below `folder`, in order of name.
pub(crate) fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
