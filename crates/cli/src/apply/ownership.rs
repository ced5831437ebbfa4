//! Takes over what `kubectl apply` owns, as `kubectl apply --server-side` does: so that what leaves the files leaves the
//! object, whichever of the two brought it.
//!
//! Not touched: what others own, such as `kubectl edit`, `kubectl patch`, or an operator.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

/// What `kubectl apply` calls itself.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// How often it is tried anew when somebody else writes at the same time.
const ATTEMPTS: u32 = 5;

/// Hands over to `manager` what kubectl owns of the object of this name, if there is one.
pub(super) async fn take_over(
    api: &Api<DynamicObject>,
    name: &str,
    manager: &str,
) -> Result<(), kube::Error> {
    for _ in 0..ATTEMPTS {
        let Some(object) = api.get_opt(name).await? else {
            return Ok(());
        };
        let entries = serde_json::to_value(&object.metadata.managed_fields)
            .map_err(kube::Error::SerdeError)?;
        let Some(entries) = handed_over(&entries, manager) else {
            return Ok(());
        };
        let patch = json!({ "metadata": {
            "resourceVersion": object.metadata.resource_version,
            "managedFields": entries,
        }});
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        match api.patch(name, &params, &Patch::Merge(patch)).await {
            Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => {}
            outcome => return outcome.map(drop),
        }
    }
    // Then what left the files stays once more.
    Ok(())
}

/// The entries with kubectl's in that of `manager`; `None` where kubectl has none.
fn handed_over(entries: &Value, manager: &str) -> Option<Vec<Value>> {
    let is_of = |entry: &Value, manager: &str, operation: &str| {
        let subresource = entry["subresource"].as_str().unwrap_or_default();
        entry["manager"] == manager && entry["operation"] == operation && subresource.is_empty()
    };
    let (kubectls, mut others): (Vec<Value>, Vec<Value>) = entries
        .as_array()?
        .iter()
        .cloned()
        .partition(|entry| is_of(entry, CLIENT_SIDE, "Update"));
    let mut kubectls = kubectls.into_iter();
    let mut first = kubectls.next()?;
    for more in kubectls {
        unite(&mut first["fieldsV1"], &more["fieldsV1"]);
    }
    let mut own = others.iter_mut();
    if let Some(own) = own.find(|entry| is_of(entry, manager, "Apply")) {
        unite(&mut own["fieldsV1"], &first["fieldsV1"]);
    } else {
        first["manager"] = Value::from(manager);
        first["operation"] = Value::from("Apply");
        others.push(first);
    }
    Some(others)
}

/// Two sets of fields as one.
fn unite(fields: &mut Value, more: &Value) {
    let Some(more) = more.as_object() else { return };
    if !fields.is_object() {
        *fields = json!({});
    }
    for (key, inner) in more {
        unite(&mut fields[key], inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubectl_owns_is_united_with_what_is_owned_already() {
        let of = |manager: &str, operation: &str, fields: Value| {
            json!({
                "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": fields
            })
        };
        let edit = of("kubectl-edit", "Update", json!({"f:data": {"f:e": {}}}));
        let kubectl = of(CLIENT_SIDE, "Update", json!({"f:data": {"f:k": {}}}));
        let own = of("me", "Apply", json!({"f:data": {"f:m": {}}}));
        assert_eq!(handed_over(&json!([edit, own]), "me"), None);
        assert_eq!(handed_over(&Value::Null, "me"), None);
        assert_eq!(
            handed_over(&json!([edit, kubectl]), "me").unwrap(),
            [
                edit.clone(),
                of("me", "Apply", json!({"f:data": {"f:k": {}}}))
            ]
        );
        assert_eq!(
            handed_over(&json!([edit, own, kubectl]), "me").unwrap(),
            [
                edit,
                of("me", "Apply", json!({"f:data": {"f:k": {}, "f:m": {}}}))
            ]
        );
    }
}
