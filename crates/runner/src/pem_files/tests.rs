use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn certificate(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    rcgen::generate_simple_self_signed(names)
        .unwrap()
        .cert
        .pem()
}

#[test]
fn an_address_counts_only_when_the_first_certificate_names_it() {
    let here: IpAddr = "127.3.0.1".parse().unwrap();
    let (with, without) = (
        certificate(&["c-p-0.svc", "127.3.0.1"]),
        certificate(&["c-p-0.svc"]),
    );
    assert!(names_address(with.as_bytes(), here));
    assert!(!names_address(without.as_bytes(), here));
    assert!(!names_address(format!("{without}{with}").as_bytes(), here));
    assert!(!names_address(b"nonsense", here));
}

#[test]
fn a_key_must_belong_to_its_certificate() {
    let pair = || {
        let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
        (made.signing_key.serialize_pem(), made.cert.pem())
    };
    let ((key, certificate), (other, _)) = (pair(), pair());
    let of = |key: &str, certificate: &str| wrong(format!("{key}{certificate}").as_bytes());
    assert_eq!(of(&key, &certificate), None);
    assert_eq!(of("", &certificate), None, "trusted certificates");
    assert_eq!(
        of(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            &certificate
        ),
        None,
        "Kafka says what is wrong with it"
    );
    assert!(of(&other, &certificate).is_some_and(|why| why.contains("does not belong")));
    assert!(of(&key, "nonsense").is_some_and(|why| why.contains("no certificate")));
}

#[test]
fn one_file_that_is_wrong_keeps_back_all_and_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("KLAMM_CONTRACT", "1".to_owned()),
        ("POD_NAME", "c-p-0".to_owned()),
        ("POD_IP", "127.0.0.1".to_owned()),
        ("KLAMM_ROOT", dir.path().display().to_string()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let environment = Environment::parse(variables.into()).unwrap();
    let mut config = crate::volume::testing::config();
    config.pem_files = ["a", "b"]
        .map(|name| PemFile {
            path: format!("/{name}.pem"),
            from: vec![format!("/{name}.crt")],
            names_pod_address: false,
        })
        .into();
    let write = |name: &str, text: &str| std::fs::write(environment.path(name), text).unwrap();
    let (first, second) = (certificate(&["a"]), certificate(&["b"]));
    write("/a.crt", &first);
    write("/b.crt", &first);
    assert_eq!(assemble(&environment, &config).unwrap().len(), 2);
    write("/a.crt", &second);
    write("/b.crt", "nonsense");
    let refused = assemble(&environment, &config).unwrap_err().to_string();
    assert!(
        refused.starts_with("/b.crt: there is no certificate"),
        "{refused}"
    );
    let kept = std::fs::read_to_string(environment.path("/a.pem")).unwrap();
    assert_eq!(kept, first);
    write("/b.crt", &second);
    assert_eq!(assemble(&environment, &config).unwrap().len(), 2);
}

#[test]
fn private_files_are_private_and_replaced_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.pem");
    write_private(&path, b"one").unwrap();
    write_private(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_expiry_is_read_from_the_first_certificate() {
    assert!(
        expiry_unix_seconds(certificate(&["a"]).as_bytes())
            .is_some_and(|seconds| seconds > 4_000_000_000)
    );
    assert_eq!(expiry_unix_seconds(b""), None);
}

#[test]
fn a_key_and_its_certificate_are_of_one_moment_however_often_the_secret_changes() {
    let dir = tempfile::tempdir().unwrap();
    let volume = dir.path();
    let write = |generation: u32| {
        let name = format!("..{generation}");
        std::fs::create_dir(volume.join(&name)).unwrap();
        for file in ["tls.key", "tls.crt"] {
            std::fs::write(volume.join(&name).join(file), generation.to_string()).unwrap();
        }
        // As the kubelet does: a link beside, renamed over the old one, whose files go at once.
        std::os::unix::fs::symlink(&name, volume.join("..data_tmp")).unwrap();
        std::fs::rename(volume.join("..data_tmp"), volume.join(GENERATION)).unwrap();
        if let Some(before) = generation.checked_sub(1) {
            std::fs::remove_dir_all(volume.join(format!("..{before}"))).unwrap();
        }
    };
    write(0);
    let sources: Vec<PathBuf> = ["tls.key", "tls.crt"]
        .iter()
        .map(|file| {
            std::os::unix::fs::symlink(Path::new(GENERATION).join(file), volume.join(file))
                .unwrap();
            volume.join(file)
        })
        .collect();
    let (mut seen, mut over) = (std::collections::BTreeSet::new(), false);
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| (1..2000).for_each(write));
        while !over {
            over = swapping.is_finished();
            let Ok(joined) = read_together(&sources) else {
                continue;
            };
            let text = String::from_utf8(joined).unwrap();
            let (key, certificate) = text.trim_end().split_once('\n').unwrap();
            assert_eq!(key, certificate);
            seen.insert(key.to_owned());
        }
    });
    assert!(seen.len() > 1, "nothing changed while it was read");
    assert!(seen.contains("1999"));
}
