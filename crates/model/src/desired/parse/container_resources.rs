//! Processor time and memory.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use resources::container_resources::ContainerResources;
use resources::quantity::Quantity as Given;

use super::report::Report;

/// As Kubernetes wants it; requests that are above limits, or nothing at all, are problems.
pub(super) fn parse(
    path: &str,
    resources: Option<&ContainerResources>,
    report: &mut Report,
) -> ResourceRequirements {
    let Some(ContainerResources {
        claims,
        limits,
        requests,
    }) = resources
    else {
        return ResourceRequirements::default();
    };
    for name in ["cpu", "memory"] {
        let limit = amount(
            &format!("{path}.limits.{name}"),
            limits.as_ref().and_then(|map| map.get(name)),
            report,
        );
        let request = amount(
            &format!("{path}.requests.{name}"),
            requests.as_ref().and_then(|map| map.get(name)),
            report,
        );
        if let (Some((limit, limit_text)), Some((request, request_text))) = (limit, request)
            && request > limit
        {
            let allowed = format!("at most the limit, which is {limit_text}");
            report.conflict(
                &format!("{path}.requests.{name}"),
                request_text,
                &allowed,
                &limit_text,
            );
        }
    }
    ResourceRequirements {
        claims: claims.clone(),
        limits: limits.as_ref().map(converted),
        requests: requests.as_ref().map(converted),
    }
}

fn converted(amounts: &BTreeMap<String, Given>) -> BTreeMap<String, Quantity> {
    amounts
        .iter()
        .map(|(name, amount)| (name.clone(), amount.into()))
        .collect()
}

fn amount(field: &str, given: Option<&Given>, report: &mut Report) -> Option<(u128, String)> {
    let text = given?.to_string();
    match nano(&text) {
        Some(amount) if amount > 0 => Some((amount, text)),
        Some(_) | None => {
            let example = if field.ends_with("cpu") {
                "500m"
            } else {
                "2Gi"
            };
            report.invalid(field, &text, "an amount above zero", example);
            None
        }
    }
}

/// An amount in billionths, exactly, as far as that goes: the smallest unit is `n`.
fn nano(text: &str) -> Option<u128> {
    const NANO: u128 = 1_000_000_000;
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|char: char| !char.is_ascii_digit() && char != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals = decimals.get(..9).unwrap_or(decimals);
    let scale = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let digits: u128 = format!("{whole}{decimals}").parse().ok()?;
    let factor = match unit {
        "" => NANO,
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "k" => NANO * 1_000,
        "M" => NANO * 1_000_000,
        "G" => NANO * 1_000_000_000,
        "T" => NANO * 1_000_000_000_000,
        "P" => NANO * 1_000_000_000_000_000,
        "E" => NANO * 1_000_000_000_000_000_000,
        "Ki" => NANO << 10,
        "Mi" => NANO << 20,
        "Gi" => NANO << 30,
        "Ti" => NANO << 40,
        "Pi" => NANO << 50,
        "Ei" => NANO << 60,
        _ => {
            let exponent: i32 = unit.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
            if exponent < 0 {
                NANO.checked_div(power)?
            } else {
                NANO.checked_mul(power)?
            }
        }
    };
    Some(digits.checked_mul(factor)? / scale)
}
