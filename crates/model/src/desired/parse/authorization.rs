//! `spec.kafka.authorization`.

use resources::authorization::{self as given, AuthorizationType};

use super::report::Report;
use crate::desired::Authorization;

/// How requests are authorized.
pub(super) fn parse(
    authorization: Option<&given::Authorization>,
    report: &mut Report,
) -> Authorization {
    let Some(given::Authorization {
        kind,
        super_users,
        authorizer_class,
        supports_admin_api,
    }) = authorization
    else {
        return Authorization::None;
    };
    let super_users = super_users.clone().unwrap_or_default();
    for (index, user) in super_users.iter().enumerate() {
        if user.is_empty() || user.contains(';') {
            let field = format!("spec.kafka.authorization.superUsers[{index}]");
            report.invalid(&field, user, "a principal, without `;`", "CN=my-user");
        }
    }
    match kind {
        AuthorizationType::Simple => {
            let meaningless = [
                ("authorizerClass", authorizer_class.is_some()),
                ("supportsAdminApi", supports_admin_api.is_some()),
            ];
            for (name, set) in meaningless {
                if set {
                    report.meaningless(
                        &format!("spec.kafka.authorization.{name}"),
                        "the type is `simple`",
                    );
                }
            }
            Authorization::Simple { super_users }
        }
        AuthorizationType::Custom => {
            let class = authorizer_class.clone().unwrap_or_default();
            if class.is_empty() {
                let field = "spec.kafka.authorization.authorizerClass";
                report.missing(
                    field,
                    "the class of the authorizer, because the type is `custom`",
                    "com.example.Authorizer",
                );
            }
            Authorization::Custom {
                class,
                super_users,
                supports_admin_api: supports_admin_api.unwrap_or(false),
            }
        }
    }
}
