use expect_test::expect;

use super::*;

#[test]
fn the_page_holds_strimzis_names() {
    let metrics = Metrics::default();
    let cluster = ("kafka".to_owned(), "demo".to_owned());
    metrics.looked(
        &cluster,
        Look {
            took: Duration::from_millis(500),
            successful: true,
            paused: false,
            ready: true,
            steps: vec![
                ("apply", "done"),
                ("apply", "done"),
                ("create-pod", "failed"),
            ],
            certificates: [("cluster-ca".to_owned(), 1_800_000_000_000)].into(),
        },
    );
    expect![[r##"
        # HELP strimzi_reconciliations_total Looks at a cluster.
        # TYPE strimzi_reconciliations_total counter
        strimzi_reconciliations_total{kind="Kafka",namespace="kafka",name="demo"} 1
        # HELP strimzi_reconciliations_successful_total Looks in which no step failed.
        # TYPE strimzi_reconciliations_successful_total counter
        strimzi_reconciliations_successful_total{kind="Kafka",namespace="kafka",name="demo"} 1
        # HELP strimzi_reconciliations_failed_total Looks in which a step failed.
        # TYPE strimzi_reconciliations_failed_total counter
        strimzi_reconciliations_failed_total{kind="Kafka",namespace="kafka",name="demo"} 0
        # HELP strimzi_reconciliations_duration_seconds Time that looks took.
        # TYPE strimzi_reconciliations_duration_seconds summary
        strimzi_reconciliations_duration_seconds_count{kind="Kafka",namespace="kafka",name="demo"} 1
        strimzi_reconciliations_duration_seconds_sum{kind="Kafka",namespace="kafka",name="demo"} 0.5
        # HELP strimzi_reconciliations_duration_seconds_max Longest look.
        # TYPE strimzi_reconciliations_duration_seconds_max gauge
        strimzi_reconciliations_duration_seconds_max{kind="Kafka",namespace="kafka",name="demo"} 0.5
        # HELP strimzi_resources Clusters looked after.
        # TYPE strimzi_resources gauge
        strimzi_resources{kind="Kafka",namespace="kafka"} 1
        # HELP strimzi_resources_paused Clusters that are paused.
        # TYPE strimzi_resources_paused gauge
        strimzi_resources_paused{kind="Kafka",namespace="kafka"} 0
        # HELP klamm_cluster_ready Whether the cluster is ready.
        # TYPE klamm_cluster_ready gauge
        klamm_cluster_ready{kind="Kafka",namespace="kafka",name="demo"} 1
        # HELP klamm_steps_total Steps carried out.
        # TYPE klamm_steps_total counter
        klamm_steps_total{kind="Kafka",namespace="kafka",name="demo",step="apply",outcome="done"} 2
        klamm_steps_total{kind="Kafka",namespace="kafka",name="demo",step="create-pod",outcome="failed"} 1
        # HELP strimzi_certificate_expiration_timestamp_ms End of an authority's certificate.
        # TYPE strimzi_certificate_expiration_timestamp_ms gauge
        strimzi_certificate_expiration_timestamp_ms{cluster="demo",type="cluster-ca",resource_namespace="kafka"} 1800000000000
    "##]].assert_eq(&metrics.render());
}

#[test]
fn a_cluster_that_goes_takes_its_series_along() {
    let metrics = Metrics::default();
    let cluster = ("kafka".to_owned(), "demo".to_owned());
    metrics.looked(&cluster, Look::default());
    assert!(metrics.render().contains("demo"));
    metrics.gone(&cluster);
    assert!(!metrics.render().contains("demo"));
}
