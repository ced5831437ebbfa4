//! What Kafka and its runner measure, in Prometheus' words.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::Machine;
use crate::support::manifests::{Cluster, PERSISTENT};

const RULES: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data:
  rules.yml: |
    lowercaseOutputName: true
    rules:
    - pattern: kafka.server<type=(.+), name=(.+)><>Value
      name: kafka_server_$1_$2
      type: GAUGE
---
";

const EXPORTER: &str = "    metricsConfig: {type: jmxPrometheusExporter, valueFrom: {configMapKeyRef: {name: rules, key: rules.yml}}}\n";
const REPORTER: &str = "    metricsConfig: {type: strimziMetricsReporter, values: {allowList: ['kafka_server.*', 'kafka_controller.*']}}\n";

fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{address}: {answer}");
    answer
}

fn samples(answer: &str, beginning: &str) -> usize {
    answer
        .lines()
        .filter(|line| line.starts_with(beginning))
        .count()
}

#[test]
fn the_jmx_exporter_the_reporter_and_the_runner_answer() {
    let machine = Machine::new();
    let exporter = Cluster {
        more: EXPORTER,
        ..Cluster::dual("exporter", 1, PERSISTENT)
    };
    let reporter = Cluster {
        more: REPORTER,
        ..Cluster::dual("reporter", 1, PERSISTENT)
    };
    // Two pools of one name would be one object.
    let reporter = reporter.yaml().replace("name: dual\n", "name: other\n");
    machine.up(&format!("{RULES}{}---\n{reporter}", exporter.yaml()));
    for (cluster, pod) in [
        ("exporter", "exporter-dual-0"),
        ("reporter", "reporter-other-0"),
    ] {
        let ip = machine.pod_ip(pod);
        let kafka = get(&format!("{ip}:9404"));
        assert!(samples(&kafka, "kafka_server_") > 10, "{cluster}: {kafka}");
        let runner = get(&format!("{ip}:8443"));
        assert!(samples(&runner, "klamm_runner_ready 1") == 1, "{runner}");
        assert!(
            samples(&runner, "klamm_runner_broker_state 3") == 1,
            "{runner}"
        );
    }
}
