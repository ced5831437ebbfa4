use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use serde_json::json;

use super::render::File;
use super::*;

fn some_files(entries: &[(&str, &str)]) -> Files {
    entries
        .iter()
        .map(|(path, text)| {
            (
                (*path).to_owned(),
                File {
                    content: text.as_bytes().to_vec(),
                    mode: 0o600,
                },
            )
        })
        .collect()
}

fn visible(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with(".."));
    names.sort();
    names
}

#[test]
fn files_are_replaced_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let volume = dir.path().join("v");
    let now = Timestamp::now();
    assert!(replace_files(&volume, &some_files(&[("a", "1"), ("deep/b", "1")]), now).unwrap());
    assert!(
        !replace_files(&volume, &some_files(&[("a", "1"), ("deep/b", "1")]), now).unwrap(),
        "nothing changed"
    );
    let before = fs::read_link(volume.join("..data")).unwrap();
    assert!(replace_files(&volume, &some_files(&[("a", "2"), ("c", "2")]), now).unwrap());
    assert_eq!(visible(&volume), ["a", "c"]);
    assert_eq!(fs::read_to_string(volume.join("a")).unwrap(), "2");
    assert!(!volume.join(before).exists(), "the old version goes");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&volume), mode(&volume.join("a"))), (0o700, 0o600));
    assert!(replace_files(&volume, &Files::new(), now).unwrap());
    assert_eq!(visible(&volume), Vec::<String>::new());
}

#[test]
fn mounts_are_links_below_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let (data, config, root) = (
        dir.path().join("data"),
        dir.path().join("config"),
        dir.path().join("root"),
    );
    fs::create_dir_all(&data).unwrap();
    replace_files(
        &config,
        &some_files(&[("server.config", "x")]),
        Timestamp::now(),
    )
    .unwrap();
    let mounted = [
        (
            "data".to_owned(),
            Mounted {
                directory: data.clone(),
            },
        ),
        ("config".to_owned(), Mounted { directory: config }),
    ]
    .into();
    let container = serde_json::from_value(json!({"name": "c", "volumeMounts": [
        {"name": "config", "mountPath": "/opt/kafka/custom-config/"},
        {"name": "config", "mountPath": "/etc/one.conf", "subPath": "server.config"},
        {"name": "data", "mountPath": "/var/lib/kafka"},
        {"name": "config", "mountPath": "/var/lib/kafka/inner"},
        {"name": "data", "mountPath": "/logs", "subPathExpr": "$(NAME)/x"}
    ]}))
    .unwrap();
    let variables = [("NAME".to_owned(), "pod-0".to_owned())].into();
    for _ in 0..2 {
        link_mounts(&root, &container, &mounted, &variables).unwrap();
        assert_eq!(
            fs::read_to_string(root.join("opt/kafka/custom-config/server.config")).unwrap(),
            "x"
        );
        assert_eq!(fs::read_to_string(root.join("etc/one.conf")).unwrap(), "x");
        assert_eq!(
            fs::read_to_string(root.join("var/lib/kafka/inner/server.config")).unwrap(),
            "x"
        );
        fs::write(root.join("logs/file"), "kept").unwrap();
    }
    assert_eq!(
        fs::read_to_string(data.join("pod-0/x/file")).unwrap(),
        "kept",
        "clearing the root follows no link"
    );
}

#[test]
fn a_mount_cannot_leave_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = [(
        "v".to_owned(),
        Mounted {
            directory: dir.path().join("v"),
        },
    )]
    .into();
    for mount in [
        json!({"mountPath": "/a/../../b"}),
        json!({"mountPath": "/a", "subPath": "../x"}),
        json!({"mountPath": "/a", "subPath": "/x"}),
    ] {
        let mut mount = mount;
        mount["name"] = json!("v");
        let container =
            serde_json::from_value(json!({"name": "c", "volumeMounts": [mount]})).unwrap();
        assert!(
            link_mounts(
                &dir.path().join("root"),
                &container,
                &mounted,
                &BTreeMap::new()
            )
            .is_err()
        );
    }
}

#[test]
fn a_memory_volume_is_private_and_goes_with_the_pod() {
    let dir = tempfile::tempdir().unwrap();
    let (home, pod) = (dir.path(), dir.path().join("pods/u"));
    let made = empty_dir(home, &pod, "u", "run", true).unwrap();
    assert_eq!(empty_dir(home, &pod, "u", "run", true).unwrap(), made);
    fs::write(made.join("key"), "secret").unwrap();
    assert_eq!(
        fs::metadata(&made).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(
        fs::read_to_string(pod.join("volumes/run/key")).unwrap(),
        "secret"
    );
    drop_memory(home, "u");
    if let Some(base) = memory_base(home) {
        assert!(!made.exists() && !base.exists());
    }
}

#[test]
fn memory_of_homes_that_are_no_more_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let (gone, kept) = (dir.path().join("gone"), dir.path().join("kept"));
    for home in [&gone, &kept] {
        fs::create_dir(home).unwrap();
    }
    let Some(base) = memory_base(&gone) else {
        println!("skipped: this machine has no shared memory");
        return;
    };
    empty_dir(&gone, &gone.join("pods/u"), "u", "run", true).unwrap();
    empty_dir(&kept, &kept.join("pods/u"), "u", "run", true).unwrap();
    fs::remove_dir_all(&gone).unwrap();
    sweep_memory();
    assert!(!base.exists());
    assert!(memory_base(&kept).unwrap().exists());
    drop_memory(&kept, "u");
}

#[test]
fn programs_of_the_image_lie_in_bin_unless_a_volume_does() {
    let dir = tempfile::tempdir().unwrap();
    let (kafka, root) = (dir.path().join("kafka"), dir.path().join("root"));
    fs::create_dir_all(kafka.join("bin")).unwrap();
    fs::write(kafka.join("bin/kafka-topics.sh"), "").unwrap();
    let image = [("/opt/kafka".to_owned(), kafka)].into();
    link_mounts(
        &root,
        &serde_json::from_value(json!({"name": "c"})).unwrap(),
        &BTreeMap::new(),
        &BTreeMap::new(),
    )
    .unwrap();
    link_programs(&root, &image).unwrap();
    assert!(root.join("bin/kafka-topics.sh").is_file());

    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let mounted = [("v".to_owned(), Mounted { directory: data })].into();
    let mounts = json!({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/bin"}]});
    link_mounts(
        &root,
        &serde_json::from_value(mounts).unwrap(),
        &mounted,
        &BTreeMap::new(),
    )
    .unwrap();
    link_programs(&root, &image).unwrap();
    assert!(!root.join("bin/kafka-topics.sh").exists());
    assert!(dir.path().join("kafka/bin/kafka-topics.sh").is_file());
}
