use super::*;

#[test]
fn what_is_named_comes_before_a_kubeconfig_and_that_before_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let kubeconfig = home.join("kubeconfig");
    let choose = |given: Option<&str>, kubeconfig: Option<&Path>| {
        let home = Home::choose(given.map(Path::new), kubeconfig).unwrap();
        (home.chosen(), home.dir().to_owned())
    };
    let default = user_dir("XDG_DATA_HOME", ".local/share").unwrap();
    assert_eq!(choose(None, None), (Chosen::Default, default.clone()));
    // Another cluster's says nothing about homes.
    assert_eq!(
        choose(None, Some(&kubeconfig)),
        (Chosen::Default, default.clone())
    );
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(MARKER), MARK).unwrap();
    assert_eq!(
        choose(None, Some(&kubeconfig)),
        (Chosen::ByKubeconfig, home.clone())
    );
    assert_eq!(
        choose(None, Some(&home.join("config"))),
        (Chosen::Default, default)
    );
    assert_eq!(
        choose(Some("/named"), Some(&kubeconfig)),
        (Chosen::Named, PathBuf::from("/named"))
    );
}
