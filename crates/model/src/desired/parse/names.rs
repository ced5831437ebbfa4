//! Names that are made from the user's names, and how long they may become.

use super::report::Report;
use crate::desired::Cluster;
use crate::desired::name::LABEL_MAX;

/// Longest id of a node that is counted with: three digits.
const ID: &str = "999";

/// Every name of a Service, and every host name of a Pod, must be a DNS label.
pub(super) fn check(cluster: &Cluster, report: &mut Report, pools: &mut [Report]) {
    let name = cluster.name.as_str();
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        report.invalid(
            "metadata.name",
            name,
            "a letter first, because Services are called after it",
            &format!("k{name}"),
        );
    }
    let bootstrap = format!("{name}-kafka-bootstrap");
    too_long("metadata.name", name, &bootstrap, report);
    for (index, listener) in cluster.listeners.iter().enumerate() {
        let service = format!("{name}-kafka-{}-bootstrap", listener.name);
        if service.len() > bootstrap.len() {
            too_long(
                &format!("spec.kafka.listeners[{index}].name"),
                listener.name.as_str(),
                &service,
                report,
            );
        }
    }
    for pool in cluster.pools.keys() {
        let Some(report) = pools
            .iter_mut()
            .find(|report| report.is_about(pool.as_str()))
        else {
            continue;
        };
        let longest = cluster
            .listeners
            .iter()
            .map(|listener| listener.name.as_str().len() + 1)
            .max()
            .unwrap_or(0);
        let pod = format!("{name}-{pool}-{ID}");
        too_long("metadata.name", pool.as_str(), &pod, report);
        if pod.len() <= LABEL_MAX && pod.len() + longest > LABEL_MAX {
            let services = format!("{pod}{}", "-".repeat(longest));
            too_long("metadata.name", pool.as_str(), &services, report);
        }
    }
}

fn too_long(field: &str, given: &str, made: &str, report: &mut Report) {
    let over = made.len().saturating_sub(LABEL_MAX);
    if over > 0 {
        let allowed = format!(
            "{over} fewer characters, because `{made}` is made from it and may have {LABEL_MAX}"
        );
        let example = given
            .get(..given.len().saturating_sub(over))
            .unwrap_or_default();
        report.invalid(field, given, &allowed, example.trim_end_matches('-'));
    }
}
