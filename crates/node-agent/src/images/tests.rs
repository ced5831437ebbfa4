use super::*;

fn settings() -> Settings {
    let mut settings = Settings::new("/home", "/bin/klamm");
    settings.runtimes = Arc::new(
        |image| match ImageName::parse(image).and_then(|name| name.tag) {
            Some("4.3.1") => RuntimeState::Ready(Runtime {
                id: "4.3.1".to_owned(),
                ..Runtime::default()
            }),
            Some("4.2.0") => RuntimeState::Pulling {
                progress: "3 of 9 jars".to_owned(),
            },
            _ => RuntimeState::Failed {
                reason: "known versions: 4.2.0, 4.3.1".to_owned(),
            },
        },
    );
    settings
}

#[test]
fn image_names_are_taken_apart() {
    let parse = |image| ImageName::parse(image).map(|n| (n.repository, n.tag, n.digest));
    assert_eq!(parse("klamm:0.1.0"), Some(("klamm", Some("0.1.0"), None)));
    assert_eq!(
        parse("localhost:5000/a/kafka"),
        Some(("localhost:5000/a/kafka", None, None))
    );
    assert_eq!(
        parse("quay.io/strimzi/kafka:1@sha256:abcdef"),
        Some(("quay.io/strimzi/kafka", Some("1"), Some("sha256:abcdef")))
    );
    for bad in ["", ":", "a b", "UPPER/Case", "x:", "a//b", "x@y"] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
}

#[test]
fn kafka_images_are_what_the_runtimes_answer() {
    let settings = settings();
    assert!(
        matches!(resolve("apache/kafka:4.3.1", &settings), Ok(Resolution::Ready(image)) if image.id == "4.3.1")
    );
    assert!(matches!(
        resolve("quay.io/my/kafka-custom:4.2.0", &settings),
        Ok(Resolution::Pulling { .. })
    ));
    let error = resolve("apache/kafka:1.0", &settings).unwrap_err();
    assert_eq!(
        (error.reason(), error.to_string().as_str()),
        ("ErrImagePull", "known versions: 4.2.0, 4.3.1")
    );
}

#[test]
fn klamm_is_the_running_executable() {
    let Ok(Resolution::Ready(image)) = resolve("ghcr.io/x/klamm:1", &settings()) else {
        panic!("not ready")
    };
    assert_eq!(image.programs["/klamm"], PathBuf::from("/bin/klamm"));
}

#[test]
fn other_images_say_what_would_run() {
    let mut settings = settings();
    assert_eq!(
        resolve("nginx", &settings).unwrap_err().reason(),
        "ErrImagePull"
    );
    assert_eq!(
        resolve("Nginx!", &settings).unwrap_err().reason(),
        "InvalidImageName"
    );
    assert!(resolve("host:any", &settings).is_err());
    settings.allow_host_images = true;
    assert!(
        matches!(resolve("host:any", &settings), Ok(Resolution::Ready(image)) if image.host_programs)
    );
}
