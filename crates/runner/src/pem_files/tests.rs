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
