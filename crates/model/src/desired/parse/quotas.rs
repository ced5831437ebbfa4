//! `spec.kafka.quotas`.

use std::collections::BTreeMap;

use resources::quotas::{self as given, QuotasType};

use super::report::Report;
use crate::desired::Quotas;
use crate::problem::WarningReason;

/// Kafka's property for a quota plug-in.
const CALLBACK: &str = "client.quota.callback.class";

/// Quotas of the cluster; takes a plug-in of the user's out of `config` where the operator brings one.
pub(super) fn parse(
    quotas: Option<&given::Quotas>,
    config: &mut BTreeMap<String, String>,
    report: &mut Report,
) -> Quotas {
    let Some(quotas) = quotas else {
        return Quotas::None;
    };
    if config.remove(CALLBACK).is_some() {
        let field = format!("spec.kafka.config[\"{CALLBACK}\"]");
        report.warn(
            WarningReason::QuotasPluginConflict,
            &field,
            "is left out, because spec.kafka.quotas decides about quotas.",
        );
    }
    match quotas.kind {
        QuotasType::Kafka => kafka(quotas, report),
        QuotasType::Strimzi => strimzi(quotas, report),
    }
}

fn kafka(quotas: &given::Quotas, report: &mut Report) -> Quotas {
    let given::Quotas {
        kind: _,
        producer_byte_rate,
        consumer_byte_rate,
        request_percentage,
        controller_mutation_rate,
        min_available_bytes_per_volume,
        min_available_ratio_per_volume,
        excluded_principals,
    } = quotas;
    let message = "is accepted, but default quotas are not set in Kafka yet.";
    report.warn(WarningReason::FieldNotActedOn, "spec.kafka.quotas", message);
    let meaningless = [
        (
            "minAvailableBytesPerVolume",
            min_available_bytes_per_volume.is_some(),
        ),
        (
            "minAvailableRatioPerVolume",
            min_available_ratio_per_volume.is_some(),
        ),
        ("excludedPrincipals", excluded_principals.is_some()),
    ];
    for (name, set) in meaningless {
        if set {
            report.meaningless(&format!("spec.kafka.quotas.{name}"), "the type is `kafka`");
        }
    }
    Quotas::Kafka {
        producer_byte_rate: producer_byte_rate.map(rate),
        consumer_byte_rate: consumer_byte_rate.map(rate),
        request_percentage: request_percentage.map(f64::from),
        controller_mutation_rate: *controller_mutation_rate,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Kafka's protocol has rates as doubles"
)]
const fn rate(bytes: i64) -> f64 {
    bytes as f64
}

fn strimzi(quotas: &given::Quotas, report: &mut Report) -> Quotas {
    let given::Quotas {
        kind: _,
        producer_byte_rate,
        consumer_byte_rate,
        request_percentage,
        controller_mutation_rate,
        min_available_bytes_per_volume,
        min_available_ratio_per_volume,
        excluded_principals,
    } = quotas;
    let meaningless = [
        ("requestPercentage", request_percentage.is_some()),
        ("controllerMutationRate", controller_mutation_rate.is_some()),
    ];
    for (name, set) in meaningless {
        if set {
            report.meaningless(
                &format!("spec.kafka.quotas.{name}"),
                "the type is `strimzi`",
            );
        }
    }
    if let (Some(bytes), Some(_)) = (
        min_available_bytes_per_volume,
        min_available_ratio_per_volume,
    ) {
        let allowed = "either this or `minAvailableRatioPerVolume`";
        report.conflict(
            "spec.kafka.quotas.minAvailableBytesPerVolume",
            bytes,
            allowed,
            "",
        );
    }
    Quotas::Strimzi {
        producer_byte_rate: *producer_byte_rate,
        consumer_byte_rate: *consumer_byte_rate,
        min_available_bytes_per_volume: *min_available_bytes_per_volume,
        min_available_ratio_per_volume: *min_available_ratio_per_volume,
        excluded_principals: excluded_principals.clone().unwrap_or_default(),
    }
}
