//! ARCHITECTURE.md stays true: each crate has its line on the map, each path on it exists.

use std::path::Path;

#[test]
fn the_map_names_every_crate_and_only_paths_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            text.contains(&format!("crates/{name}")),
            "ARCHITECTURE.md does not name crates/{name}"
        );
    }
    let mut seen = 0;
    for word in text.split(|c: char| c.is_whitespace() || "`|(),".contains(c)) {
        if let Some(path) = word
            .strip_suffix('.')
            .or(Some(word))
            .filter(|path| path.starts_with("crates/"))
        {
            seen += 1;
            assert!(
                root.join(path).exists(),
                "ARCHITECTURE.md names {path}, which does not exist"
            );
        }
    }
    assert!(seen >= 20, "the map has only {seen} paths: was it read?");
}
