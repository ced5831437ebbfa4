use std::collections::BTreeMap;

use super::*;

fn environment(root: &std::path::Path) -> Environment {
    let all: BTreeMap<String, String> = [
        ("KLAMM_CONTRACT", "1".to_owned()),
        ("POD_NAME", "c-p-0".to_owned()),
        ("POD_IP", "127.0.0.1".to_owned()),
        ("KLAMM_ROOT", root.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    Environment::parse(all).unwrap()
}

#[test]
fn a_secret_that_is_swapped_has_changed_once() {
    let root = tempfile::tempdir().unwrap();
    let environment = environment(root.path());
    let mut config = crate::volume::testing::config();
    config.pem_files = vec![model::runner::PemFile {
        path: "/var/run/klamm/node.pem".to_owned(),
        from: vec!["/certs/tls.crt".to_owned()],
        names_pod_address: false,
    }];
    // As a kubelet mounts it: the file is a link through ..data, which is swapped.
    let mount = environment.path("/certs");
    for (generation, text) in [("first", "same"), ("second", "same")] {
        std::fs::create_dir_all(mount.join(generation)).unwrap();
        std::fs::write(mount.join(generation).join("tls.crt"), text).unwrap();
    }
    let point_at = |generation: &str| {
        let fresh = mount.join("..fresh");
        std::os::unix::fs::symlink(generation, &fresh).unwrap();
        std::fs::rename(&fresh, mount.join("..data")).unwrap();
    };
    point_at("first");
    std::os::unix::fs::symlink("..data/tls.crt", mount.join("tls.crt")).unwrap();

    let mut sources = Sources::of(&environment, &config);
    assert!(!sources.changed());
    point_at("second");
    assert!(sources.changed());
    assert!(!sources.changed(), "told once");
    std::fs::remove_file(mount.join("..data")).unwrap();
    assert!(sources.changed(), "gone");
    assert!(!sources.changed());

    let logging = environment.configuration_file(jvm::logging_file(&config));
    std::fs::create_dir_all(logging.parent().unwrap()).unwrap();
    std::fs::write(&logging, "rootLogger.level=INFO\n").unwrap();
    assert!(sources.changed(), "the logging configuration");
}
