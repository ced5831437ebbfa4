use super::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn resolved(command: &[&str], args: &[&str], mounts: &[&str], image: &Image) -> Vec<String> {
    let (command, args, mounts) = (strings(command), strings(args), strings(mounts));
    let asked = Asked {
        image: "i",
        command: &command,
        args: &args,
        working_dir: None,
        mounts: &mounts,
        root: Path::new("/pod/root"),
    };
    resolve(&asked, image).unwrap()
}

fn kafka() -> Image {
    Image {
        entrypoint: strings(&["/opt/kafka/bin/kafka-server-start.sh"]),
        directories: [
            ("/opt/kafka".to_owned(), "/cache/4.3.1".into()),
            ("/opt".to_owned(), "/cache/opt".into()),
        ]
        .into(),
        programs: [("/klamm".to_owned(), "/bin/klamm".into())].into(),
        path: vec!["/cache/4.3.1/bin".into()],
        env: [
            ("A".to_owned(), "image".to_owned()),
            ("B".to_owned(), "image".to_owned()),
        ]
        .into(),
        ..Image::default()
    }
}

#[test]
fn a_command_below_a_volume_runs_from_there() {
    assert_eq!(
        resolved(
            &["/opt/klamm/klamm", "run-broker"],
            &[],
            &["/opt/klamm"],
            &kafka()
        ),
        ["/pod/root/opt/klamm/klamm", "run-broker"]
    );
    // A mount path is a directory, not a prefix of text.
    assert_eq!(
        resolved(&["/opt/klamm-x/y"], &[], &["/opt/klamm"], &kafka()),
        ["/cache/opt/klamm-x/y"]
    );
}

#[test]
fn programs_of_the_image_are_found() {
    assert_eq!(
        resolved(&["/klamm", "install"], &["/opt/klamm"], &[], &kafka()),
        ["/bin/klamm", "install", "/opt/klamm"]
    );
    assert_eq!(
        resolved(&["/opt/kafka/bin/x.sh"], &[], &[], &kafka()),
        ["/cache/4.3.1/bin/x.sh"]
    );
    assert_eq!(
        resolved(&[], &["a"], &[], &kafka()),
        ["/cache/4.3.1/bin/kafka-server-start.sh", "a"]
    );
    assert_eq!(
        resolved(&["sh", "-c"], &["x"], &[], &kafka()),
        ["sh", "-c", "x"]
    );
}

#[test]
fn a_container_without_a_command_is_an_error() {
    let asked = Asked {
        image: "host:x",
        command: &[],
        args: &[],
        working_dir: None,
        mounts: &[],
        root: Path::new("/"),
    };
    let error = resolve(&asked, &Image::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "no command specified: neither the container nor image \"host:x\" names one"
    );
}

#[test]
fn the_environment_is_the_containers_own() {
    let mounts = strings(&["/tmp"]);
    let around = Surroundings {
        path: "/usr/bin",
        passed: [("LANG".to_owned(), "C.UTF-8".to_owned())].into(),
        node: [("KLAMM_ROOT".to_owned(), "/pod/root".to_owned())].into(),
        root: Path::new("/pod/root"),
        mounts: &mounts,
    };
    let own = [
        ("B".to_owned(), "own".to_owned()),
        ("KLAMM_ROOT".to_owned(), "/".to_owned()),
    ]
    .into();
    let environment = environment(&around, &kafka(), own);
    let text: Vec<String> = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        text,
        [
            "A=image",
            "B=own",
            "HOME=/pod/root",
            "KLAMM_ROOT=/pod/root",
            "LANG=C.UTF-8",
            "PATH=/cache/4.3.1/bin:/usr/bin",
            "TMPDIR=/pod/root/tmp"
        ]
    );
}

#[test]
fn the_working_directory_is_below_the_root() {
    let mounts = strings(&["/var/lib/kafka"]);
    let mut asked = Asked {
        image: "i",
        command: &[],
        args: &[],
        working_dir: None,
        mounts: &mounts,
        root: Path::new("/pod/root"),
    };
    assert_eq!(directory(&asked, &kafka()), Path::new("/pod/root"));
    asked.working_dir = Some("/var/lib/kafka/x");
    assert_eq!(
        directory(&asked, &kafka()),
        Path::new("/pod/root/var/lib/kafka/x")
    );
    asked.working_dir = Some("/somewhere");
    assert_eq!(
        directory(&asked, &kafka()),
        Path::new("/pod/root/somewhere")
    );
    assert_eq!(
        directory(
            &asked,
            &Image {
                host_programs: true,
                ..Image::default()
            }
        ),
        Path::new("/somewhere")
    );
}
