//! Each file in `scenarios/` is one test: its transcript must be what comes of its script, twice.

use std::path::PathBuf;

use simulator::story::Conditions;
use simulator::transcript;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.txt"))
}

fn check(name: &str) {
    let script = std::fs::read_to_string(path(name)).unwrap();
    let (told, _) = transcript(&script, Conditions::default());
    let (again, _) = transcript(&script, Conditions::default());
    assert_eq!(told, again, "the same script must give the same bytes");
    expect_test::expect_file![path(name)].assert_eq(&told);
    assert!(!told.contains("VIOLATION"), "{told}");
    assert!(script.lines().count() < 120, "a story is told in less than 120 lines");
}

macro_rules! stories {
    ($($test:ident: $file:literal),* $(,)?) => {
        /// Every story, by file name.
        pub(crate) const STORIES: &[&str] = &[$($file),*];
        $(#[test] fn $test() { check($file); })*
    };
}

stories! {
    first_deployment: "first-deployment",
}

#[test]
fn every_file_is_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(path("x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut listed = STORIES.to_vec();
    listed.sort_unstable();
    assert_eq!(files, listed);
}
