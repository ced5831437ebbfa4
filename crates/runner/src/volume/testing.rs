//! A configuration for the tests of this crate.

use model::runner::RunnerConfig;

/// One combined node with two volumes, as the operator would write it.
pub(crate) fn config() -> RunnerConfig {
    serde_json::from_value(serde_json::json!({
        "contract": 1,
        "cluster": "c",
        "clusterId": "a2xhbW0tdHJhaW5pbmctMQ",
        "nodeId": 0,
        "roles": "combined",
        "kafkaVersion": "4.3.1",
        "metadataVersion": "4.3-IV0",
        "logDirs": [
            {"volume": 0, "mount": "/v0", "path": "/v0/kafka-log0", "directoryId": "AAAAAAAAAAAAAAAAAAAAA0"},
            {"volume": 1, "mount": "/v1", "path": "/v1/kafka-log0", "directoryId": "AAAAAAAAAAAAAAAAAAAAA1"}
        ],
        "metadataLogDir": "/v0/kafka-log0",
        "initialControllers": "0@c-p-0.c-kafka-brokers.ns.svc:9090:AAAAAAAAAAAAAAAAAAAAA0",
        "quorum": "dynamic",
        "heap": {},
        "jvmOptions": [],
        "systemProperties": [],
        "gcLogging": false,
        "metrics": {"type": "none"},
        "listeners": [],
        "pemFiles": [],
        "healthPort": 0,
        "stateLog": "/run/state.log",
        "configurationHash": "h"
    }))
    .expect("it is a valid configuration")
}
