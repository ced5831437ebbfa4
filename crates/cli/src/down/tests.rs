use super::*;

#[test]
fn what_klamm_did_not_make_stays_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::find(Some(&dir.path().join("home"))).unwrap();
    home.create().unwrap();
    std::fs::create_dir_all(home.node()).unwrap();
    for name in ["notes.txt", "kubeconfig"] {
        std::fs::write(home.dir().join(name), "").unwrap();
    }
    assert_eq!(purge(&home).unwrap(), ["notes.txt"]);
    std::fs::remove_file(home.dir().join("notes.txt")).unwrap();
    assert_eq!(purge(&home).unwrap(), Vec::<String>::new());
    assert!(!home.dir().exists());
}

#[test]
fn of_many_names_the_first_are_listed() {
    let names = |count: usize| {
        (0..count)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&names(2)), "0, 1");
    assert_eq!(listed(&names(7)), "0, 1, 2, 3, 4 and 2 more");
}
