//! All objects of a cluster that do not hold secrets and do not belong to one Pod's life.

use serde_json::Value;

use crate::disruption_budget;
use crate::exposure;
use crate::facts::Input;
use crate::network_policy;
use crate::rbac;
use crate::services;
use crate::store;
use crate::to_value;

/// Account, Services, policies, exposure: in the order in which they are best applied.
///
/// What a setting turns off is absent. Per-broker objects of listeners are here too, one per broker in `facts.nodes`.
pub fn objects(input: &Input<'_>) -> Vec<Value> {
    let mut objects = vec![to_value(&rbac::service_account(input))];
    objects.extend(rbac::cluster_role_binding(input).iter().map(to_value));
    if input.settings.network_policies {
        objects.push(to_value(&network_policy::render(input)));
    }
    objects.extend(services::render(input).iter().map(to_value));
    objects.extend(store::objects(input));
    objects.extend(exposure::render(input));
    if input.settings.disruption_budgets {
        objects.push(to_value(&disruption_budget::render(input)));
    }
    objects
}
