use super::*;

#[test]
fn an_option_comes_before_the_variable_and_that_before_the_default() {
    let choose = |given: Option<&str>, variable: Option<&str>| {
        let home = Home::choose(given.map(Path::new), variable.map(Path::new)).unwrap();
        (home.chosen(), home.dir().to_owned())
    };
    let default = user_dir("XDG_DATA_HOME", ".local/share").unwrap();
    assert_eq!(choose(None, None), (Chosen::Default, default));
    let named = PathBuf::from("/named");
    assert_eq!(
        choose(Some("/named"), Some("/named")),
        (Chosen::ByVariable, named.clone())
    );
    assert_eq!(
        choose(Some("/named"), Some("/other")),
        (Chosen::ByOption, named)
    );
}

#[test]
fn a_kubeconfig_is_of_the_home_that_it_lies_in() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let kubeconfig = home.join("kubeconfig");
    std::fs::create_dir(&home).unwrap();
    assert!(Home::of_kubeconfig(&kubeconfig).is_none());
    std::fs::write(home.join(MARKER), MARK).unwrap();
    assert_eq!(Home::of_kubeconfig(&kubeconfig).unwrap().dir(), home);
    assert!(Home::of_kubeconfig(&home.join("config")).is_none());
}

#[test]
fn a_path_in_which_kafka_cannot_find_its_files_is_refused() {
    let check = |dir: &str| {
        let home = Home::choose(Some(Path::new(dir)), None).unwrap();
        home.check().map_err(|error| error.to_string())
    };
    for good in ["/nowhere/a home", "/nowhere/$x-\"'{}#%:", "/nowhere/a.b_c"] {
        check(good).unwrap();
    }
    for bad in [
        "/nowhere/j\u{fc}rgen",
        "/nowhere/a,b",
        "/nowhere/a\\b",
        "/nowhere/a\nb",
    ] {
        let error = check(bad).unwrap_err();
        assert!(
            error.contains("in its path, with which Kafka cannot find its files"),
            "{error}"
        );
    }
}
