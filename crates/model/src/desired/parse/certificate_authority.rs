//! `spec.clusterCa`, `spec.clientsCa` and the times when certificates may be renewed.

use resources::certificate_authority::{self as given, CertificateExpirationPolicy};

use super::report::Report;
use crate::desired::{CaSettings, OnExpiry};
use crate::problem::WarningReason;

/// Settings of a certificate authority.
pub(super) fn parse(
    path: &str,
    authority: Option<&given::CertificateAuthority>,
    report: &mut Report,
) -> CaSettings {
    let default = CaSettings::default();
    let Some(authority) = authority else {
        return default;
    };
    let given::CertificateAuthority {
        generate_certificate_authority,
        generate_secret_owner_reference,
        validity_days,
        renewal_days,
        certificate_expiration_policy,
    } = authority;
    let validity = days(
        &format!("{path}.validityDays"),
        *validity_days,
        default.validity_days,
        report,
    );
    let renewal = days(
        &format!("{path}.renewalDays"),
        *renewal_days,
        default.renewal_days,
        report,
    );
    if renewal >= validity {
        let field = format!("{path}.renewalDays");
        let allowed = format!(
            "fewer days than `validityDays`, which is {validity}: else certificates would be renewed without end"
        );
        report.conflict(&field, renewal, &allowed, &(validity / 2).to_string());
    }
    if matches!(
        certificate_expiration_policy,
        Some(CertificateExpirationPolicy::ReplaceKey)
    ) {
        report.warn(
            WarningReason::FieldNotActedOn,
            &format!("{path}.certificateExpirationPolicy"),
            "is accepted, but keys are not replaced yet: that takes restarts.".to_owned(),
        );
    }
    CaSettings {
        generate: generate_certificate_authority.unwrap_or(default.generate),
        owner_reference: generate_secret_owner_reference.unwrap_or(default.owner_reference),
        validity_days: validity,
        renewal_days: renewal,
        on_expiry: match certificate_expiration_policy {
            None => default.on_expiry,
            Some(CertificateExpirationPolicy::RenewCertificate) => OnExpiry::RenewCertificate,
            Some(CertificateExpirationPolicy::ReplaceKey) => OnExpiry::ReplaceKey,
        },
    }
}

fn days(field: &str, given: Option<i32>, default: u32, report: &mut Report) -> u32 {
    match given.map(u32::try_from) {
        None => default,
        Some(Ok(days)) if days > 0 => days,
        Some(Ok(_) | Err(_)) => {
            report.invalid(
                field,
                given.unwrap_or_default(),
                "a number of days, at least 1",
                &default.to_string(),
            );
            default
        }
    }
}

/// Quartz expressions: six fields (seconds first) or seven (with a year).
pub(super) fn maintenance_windows(
    windows: Option<&Vec<String>>,
    report: &mut Report,
) -> Vec<String> {
    let windows = windows.cloned().unwrap_or_default();
    for (index, window) in windows.iter().enumerate() {
        let fields = window.split_whitespace().count();
        let characters = |char: char| char.is_ascii_alphanumeric() || " ,-*/?#".contains(char);
        if !(6..=7).contains(&fields) || !window.chars().all(characters) {
            let field = format!("spec.maintenanceTimeWindows[{index}]");
            let allowed = "a cron expression in UTC: second, minute, hour, day, month, weekday and, if wanted, year";
            report.invalid(&field, window, allowed, "* * 0-1 ? * SUN,MON *");
        }
    }
    windows
}
