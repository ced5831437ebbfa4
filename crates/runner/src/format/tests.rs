use std::collections::BTreeMap;

use super::*;
use crate::volume::inspect;
use crate::volume::testing::config;

/// A Pod with two empty volumes that may form the quorum, and its rendered properties.
struct Pod {
    root: tempfile::TempDir,
    environment: Environment,
    properties: PathBuf,
}

impl Pod {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for mount in ["v0", "v1"] {
            std::fs::create_dir(root.path().join(mount)).unwrap();
        }
        let all: BTreeMap<String, String> = [
            ("KLAMM_CONTRACT", "1"),
            ("POD_NAME", "c-p-0"),
            ("POD_IP", "127.1.2.3"),
            ("KLAMM_ROOT", root.path().to_str().unwrap()),
            (model::runner::env::FORMAT, Format::Initial.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let properties = root.path().join("server.properties");
        std::fs::write(&properties, "controller.listener.names=CONTROLPLANE-9090\n").unwrap();
        Self {
            environment: Environment::parse(all).unwrap(),
            properties,
            root,
        }
    }

    async fn format(&self) -> Result<bool, RunnerError> {
        let found = inspect(&self.environment, &config())?;
        self.format_what_was(&found).await
    }

    async fn format_what_was(
        &self,
        found: &[(LogDir, PathBuf, Content)],
    ) -> Result<bool, RunnerError> {
        format_if_permitted(&self.environment, &config(), &self.properties, found).await
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn has(&self, file: &str) -> bool {
        self.path(file).exists()
    }

    fn meta(&self, volume: u32) -> String {
        let file = format!("v{volume}/kafka-log0/meta.properties");
        std::fs::read_to_string(self.path(&file)).unwrap()
    }
}

/// What formatting writes, in its order.
const FILES: [&str; 5] = [
    "v0/kafka-log0/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
    "v0/kafka-log0/bootstrap.checkpoint",
    "v0/kafka-log0/meta.properties",
    "v1/kafka-log0/bootstrap.checkpoint",
    "v1/kafka-log0/meta.properties",
];
/// What each of them is called while it is written.
const WHILE_WRITTEN: [&str; 5] = [".part", ".tmp", ".klamm", ".tmp", ".klamm"];

#[tokio::test]
async fn a_format_that_was_cut_off_anywhere_is_finished() {
    let whole = Pod::new();
    assert!(whole.format().await.unwrap());
    for cut in 0..FILES.len() {
        let pod = Pod::new();
        let write = |file: &str, bytes: &[u8]| {
            std::fs::create_dir_all(pod.path(file).parent().unwrap()).unwrap();
            std::fs::write(pod.path(file), bytes).unwrap();
        };
        for file in &FILES[..cut] {
            write(file, &std::fs::read(whole.path(file)).unwrap());
        }
        let half = std::fs::read(whole.path(FILES[cut])).unwrap();
        let under_way = format!("{}{}", FILES[cut], WHILE_WRITTEN[cut]);
        write(&under_way, &half[..half.len() / 2]);

        assert!(pod.format().await.unwrap(), "{under_way}");
        assert!(FILES.iter().all(|file| pod.has(file)), "{under_way}");
        assert!(!pod.has(&under_way), "{under_way}");
        for volume in [0, 1] {
            assert_eq!(pod.meta(volume), whole.meta(volume), "{under_way}");
        }
        assert!(!pod.format().await.unwrap(), "{under_way}: formatted twice");
    }
    assert!(
        whole
            .meta(1)
            .contains("directory.id=AAAAAAAAAAAAAAAAAAAAA1")
    );
}

#[tokio::test]
async fn what_came_to_the_disk_after_it_was_looked_at_is_left_alone() {
    for file in [
        "v1/kafka-log0/orders-0/00000000000000000000.log",
        "v1/kafka-log0/meta.properties",
        "v0/kafka-log0/__cluster_metadata-0/00000000000000000000.log",
    ] {
        let pod = Pod::new();
        let found = inspect(&pod.environment, &config()).unwrap();
        std::fs::create_dir_all(pod.path(file).parent().unwrap()).unwrap();
        std::fs::write(pod.path(file), "somebody's").unwrap();
        let error = pod.format_what_was(&found).await.unwrap_err().to_string();
        assert!(error.contains("nothing was formatted"), "{file}: {error}");
        assert_eq!(
            std::fs::read_to_string(pod.path(file)).unwrap(),
            "somebody's"
        );
        assert!(
            FILES
                .iter()
                .all(|written| *written == file || !pod.has(written)),
            "{file}"
        );
    }
}

#[test]
fn the_first_voters_are_named_only_to_controllers_that_form_the_quorum() {
    let mut config = config();
    let of = |config: &RunnerConfig, format| arguments(config, format).split_off(5);
    assert_eq!(
        of(&config, Format::Initial),
        [
            "--initial-controllers",
            "0@c-p-0.c-kafka-brokers.ns.svc:9090:AAAAAAAAAAAAAAAAAAAAA0"
        ]
    );
    assert_eq!(of(&config, Format::Join), ["--no-initial-controllers"]);
    config.roles = model::desired::Roles::Broker;
    assert_eq!(of(&config, Format::Initial), ["--no-initial-controllers"]);
    config.quorum = QuorumKind::Static;
    assert!(of(&config, Format::Initial).is_empty());
}
