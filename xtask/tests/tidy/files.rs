//! Rules for single files.

use std::path::{Path, PathBuf};

/// A file that grows past this usually mixes decision, I/O and state. Without tests and generated code.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn rust_files() -> Vec<PathBuf> {
    fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, files);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join("crates"), &mut files);
    walk(&root().join("xtask"), &mut files);
    files.sort();
    assert!(
        files.len() > 100,
        "only {} Rust files found: is this the right directory?",
        files.len()
    );
    files
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        part.as_os_str() == "tests" || part.as_os_str() == "testing" || part.as_os_str() == "fuzz"
    }) || path.file_name().is_some_and(|name| name == "tests.rs")
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains("@generated"))
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| !is_test(path))
        .filter(|path| {
            !std::fs::read_to_string(path)
                .unwrap()
                .trim_start()
                .starts_with("//!")
        })
        .collect();
    assert!(
        silent.is_empty(),
        "without module documentation: {silent:#?}"
    );
}

#[test]
fn no_file_is_called_mod_rs() {
    let wrong: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| path.ends_with("mod.rs"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_call_alone_is_unsafe() {
    let place = root().join("crates/runner/src/memory.rs");
    let lint = format!("unsafe{}", "_code");
    let block = format!("unsafe{}", " {");
    for path in rust_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = usize::from(path == place);
        let found = (text.matches(&lint).count(), text.matches(&block).count());
        assert_eq!(found, (expected, expected), "{}", path.display());
    }
}

#[test]
fn files_stay_small() {
    let large: Vec<_> = rust_files()
        .into_iter()
        .filter(|path| !is_test(path))
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            (lines > MOST_LINES && !is_generated(&text)).then_some((path, lines))
        })
        .collect();
    assert!(large.is_empty(), "split by noun, not by length: {large:#?}");
}

#[test]
fn no_file_names_a_package_registry_or_promises_work() {
    // Assembled here so that this file does not contain what it looks for.
    let hosts = [
        ["repo", "maven", "apache", "org"].join("."),
        ["repo1", "maven", "org"].join("."),
        ["crates", "io"].join("."),
    ];
    let promises = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["unimplemented", "!("].concat(),
        ["todo", "!("].concat(),
    ];
    for path in rust_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in hosts.iter().chain(&promises) {
            assert!(
                !text.contains(word.as_str()),
                "{} contains {word:?}",
                path.display()
            );
        }
    }
}

#[test]
fn words_crates_share_one_list_of_what_clippy_refuses_there() {
    let lists: Vec<_> = [
        "resources",
        "model",
        "manifests",
        "planner",
        "simulator",
        "zookeeper-protocol",
    ]
    .map(|name| {
        (
            name,
            std::fs::read_to_string(root().join("crates").join(name).join("clippy.toml"))
                .unwrap_or_default(),
        )
    })
    .into();
    let (_, first) = &lists[0];
    assert!(
        first.contains("disallowed-methods"),
        "crates/resources/clippy.toml lists what a pure crate must not call"
    );
    for (name, list) in &lists {
        assert_eq!(list, first, "crates/{name}/clippy.toml");
    }
}
