//! What the operator counts, as Prometheus text, under Strimzi's names where Strimzi has one.
//!
//! Series of a cluster go when the cluster goes, so that the set stays bounded.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which cluster: namespace and name.
pub type ClusterName = (String, String);

/// The counters of one operator; copies count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    clusters: Arc<Mutex<BTreeMap<ClusterName, Cluster>>>,
}

#[derive(Debug, Clone, Default)]
struct Cluster {
    looks: u64,
    successful: u64,
    failed: u64,
    seconds_sum: f64,
    seconds_max: f64,
    paused: bool,
    ready: bool,
    steps: BTreeMap<(&'static str, &'static str), u64>,
    certificates: BTreeMap<String, i64>,
}

/// What one look came to.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// How long it took.
    pub took: Duration,
    /// No step failed.
    pub successful: bool,
    /// The user paused it.
    pub paused: bool,
    /// The cluster is ready.
    pub ready: bool,
    /// Steps carried out: (kind, outcome).
    pub steps: Vec<(&'static str, &'static str)>,
    /// Authority (`cluster-ca`, `clients-ca`) → end of its certificate in milliseconds since 1970.
    pub certificates: BTreeMap<String, i64>,
}

impl Metrics {
    /// Counts one look.
    pub fn looked(&self, cluster: &ClusterName, look: Look) {
        let Look {
            took,
            successful,
            paused,
            ready,
            steps,
            certificates,
        } = look;
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = clusters.entry(cluster.clone()).or_default();
        entry.looks += 1;
        entry.successful += u64::from(successful);
        entry.failed += u64::from(!successful);
        entry.seconds_sum += took.as_secs_f64();
        entry.seconds_max = entry.seconds_max.max(took.as_secs_f64());
        entry.paused = paused;
        entry.ready = ready;
        entry.certificates = certificates;
        for step in steps {
            *entry.steps.entry(step).or_default() += 1;
        }
    }

    /// Forgets a cluster.
    pub fn gone(&self, cluster: &ClusterName) {
        self.clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(cluster);
    }

    /// How many looks at a cluster there were.
    pub fn looks(&self, cluster: &ClusterName) -> u64 {
        self.clusters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(cluster)
            .map_or(0, |entry| entry.looks)
    }

    /// Everything as Prometheus text.
    pub fn render(&self) -> String {
        let clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        page.counter(
            "strimzi_reconciliations_total",
            "Looks at a cluster",
            &clusters,
            |c| c.looks.to_string(),
        );
        page.counter(
            "strimzi_reconciliations_successful_total",
            "Looks in which no step failed",
            &clusters,
            |c| c.successful.to_string(),
        );
        page.counter(
            "strimzi_reconciliations_failed_total",
            "Looks in which a step failed",
            &clusters,
            |c| c.failed.to_string(),
        );
        page.family(
            "strimzi_reconciliations_duration_seconds",
            "summary",
            "Time that looks took",
        );
        for (name, cluster) in &*clusters {
            page.sample(
                "strimzi_reconciliations_duration_seconds_count",
                &labels(name),
                &cluster.looks.to_string(),
            );
            page.sample(
                "strimzi_reconciliations_duration_seconds_sum",
                &labels(name),
                &cluster.seconds_sum.to_string(),
            );
        }
        page.gauge(
            "strimzi_reconciliations_duration_seconds_max",
            "Longest look",
            &clusters,
            |c| c.seconds_max.to_string(),
        );
        page.namespaces(
            "strimzi_resources",
            "Clusters looked after",
            &clusters,
            |_| true,
        );
        page.namespaces(
            "strimzi_resources_paused",
            "Clusters that are paused",
            &clusters,
            |c| c.paused,
        );
        page.gauge(
            "klamm_cluster_ready",
            "Whether the cluster is ready",
            &clusters,
            |c| u8::from(c.ready).to_string(),
        );
        page.family("klamm_steps_total", "counter", "Steps carried out");
        for (name, cluster) in &*clusters {
            for ((step, outcome), count) in &cluster.steps {
                let labels = format!("{},step=\"{step}\",outcome=\"{outcome}\"", labels(name));
                page.sample("klamm_steps_total", &labels, &count.to_string());
            }
        }
        page.family(
            "strimzi_certificate_expiration_timestamp_ms",
            "gauge",
            "End of an authority's certificate",
        );
        for ((namespace, name), cluster) in &*clusters {
            for (authority, end) in &cluster.certificates {
                let labels = format!(
                    "cluster=\"{name}\",type=\"{authority}\",resource_namespace=\"{namespace}\""
                );
                page.sample(
                    "strimzi_certificate_expiration_timestamp_ms",
                    &labels,
                    &end.to_string(),
                );
            }
        }
        page.0
    }
}

fn labels((namespace, name): &ClusterName) -> String {
    // Names of Kubernetes objects need no escaping.
    format!("kind=\"Kafka\",namespace=\"{namespace}\",name=\"{name}\"")
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: &str) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    fn counter(
        &mut self,
        name: &str,
        help: &str,
        clusters: &BTreeMap<ClusterName, Cluster>,
        value: fn(&Cluster) -> String,
    ) {
        self.family(name, "counter", help);
        for (cluster, counted) in clusters {
            self.sample(name, &labels(cluster), &value(counted));
        }
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        clusters: &BTreeMap<ClusterName, Cluster>,
        value: fn(&Cluster) -> String,
    ) {
        self.family(name, "gauge", help);
        for (cluster, counted) in clusters {
            self.sample(name, &labels(cluster), &value(counted));
        }
    }

    /// One gauge per namespace: how many clusters `counts` holds for.
    fn namespaces(
        &mut self,
        name: &str,
        help: &str,
        clusters: &BTreeMap<ClusterName, Cluster>,
        counts: fn(&Cluster) -> bool,
    ) {
        self.family(name, "gauge", help);
        let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
        for ((namespace, _), cluster) in clusters {
            *sums.entry(namespace).or_default() += usize::from(counts(cluster));
        }
        for (namespace, sum) in sums {
            self.sample(
                name,
                &format!("kind=\"Kafka\",namespace=\"{namespace}\""),
                &sum.to_string(),
            );
        }
    }
}
