//! Probes.

use resources::probe as given;

use super::report::Report;
use crate::desired::Probe;

/// A probe; what is not said is as in `default`.
pub(super) fn parse(
    path: &str,
    probe: Option<&given::Probe>,
    default: Probe,
    report: &mut Report,
) -> Probe {
    let Some(probe) = probe else {
        return default;
    };
    let given::Probe {
        initial_delay_seconds,
        timeout_seconds,
        period_seconds,
        success_threshold,
        failure_threshold,
    } = probe;
    let mut number = |name: &str, given: Option<i32>, least: i32, default: i32| {
        let number = given.unwrap_or(default);
        if number < least {
            report.invalid(
                &format!("{path}.{name}"),
                number,
                &format!("a number, at least {least}"),
                &default.to_string(),
            );
        }
        number
    };
    Probe {
        initial_delay_seconds: number(
            "initialDelaySeconds",
            *initial_delay_seconds,
            0,
            default.initial_delay_seconds,
        ),
        timeout_seconds: number(
            "timeoutSeconds",
            *timeout_seconds,
            1,
            default.timeout_seconds,
        ),
        period_seconds: number("periodSeconds", *period_seconds, 1, default.period_seconds),
        success_threshold: number(
            "successThreshold",
            *success_threshold,
            1,
            default.success_threshold,
        ),
        failure_threshold: number(
            "failureThreshold",
            *failure_threshold,
            1,
            default.failure_threshold,
        ),
    }
}

/// Kubernetes takes no other number for liveness.
pub(super) fn parse_liveness(probe: Option<&given::Probe>, report: &mut Report) -> Probe {
    const FIELD: &str = "spec.kafka.livenessProbe.successThreshold";
    let parsed = parse("spec.kafka.livenessProbe", probe, Probe::LIVENESS, report);
    if parsed.success_threshold > 1 {
        report.invalid(
            FIELD,
            parsed.success_threshold,
            "1 (Kubernetes takes nothing else for liveness)",
            "1",
        );
    }
    parsed
}
