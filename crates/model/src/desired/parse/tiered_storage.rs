//! `spec.kafka.tieredStorage`.

use resources::tiered_storage as given;

use super::report::Report;
use crate::desired::TieredStorage;

/// The user's own manager of remote segments.
pub(super) fn parse(
    storage: Option<&given::TieredStorage>,
    report: &mut Report,
) -> Option<TieredStorage> {
    const PATH: &str = "spec.kafka.tieredStorage.remoteStorageManager";
    let given::TieredStorage {
        kind: _,
        remote_storage_manager,
    } = storage?;
    let manager = remote_storage_manager.clone().unwrap_or_default();
    let given::RemoteStorageManager {
        class_name,
        class_path,
        config,
    } = manager;
    let class_name = class_name.unwrap_or_default();
    let class_path = class_path.unwrap_or_default();
    if class_name.is_empty() {
        report.missing(
            &format!("{PATH}.className"),
            "the class of the manager",
            "com.example.RemoteStorageManager",
        );
    }
    if class_path.is_empty() {
        report.missing(
            &format!("{PATH}.classPath"),
            "where the jars of the manager are",
            "/opt/kafka/plugins/tiered/*",
        );
    }
    Some(TieredStorage {
        class_name,
        class_path,
        config: config.unwrap_or_default(),
    })
}
