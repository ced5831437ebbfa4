//! ConfigMaps, Secrets, service accounts, disruption budgets.

use serde_json::Value;

use super::{AGE, NAME, View, created, int, items, name, number, text};

fn count(object: &Value, fields: &[&str]) -> Value {
    let total: usize = fields
        .iter()
        .map(|field| object[*field].as_object().map_or(0, serde_json::Map::len))
        .sum();
    total.into()
}

pub(super) const MAPS: View = View {
    columns: &[NAME, text("Data"), AGE],
    cells: |map, now| {
        vec![
            name(map),
            count(map, &["data", "binaryData"]),
            created(map, now),
        ]
    },
};

pub(super) const SECRETS: View = View {
    columns: &[NAME, text("Type"), text("Data"), AGE],
    cells: |secret, now| {
        vec![
            name(secret),
            secret["type"].clone(),
            count(secret, &["data"]),
            created(secret, now),
        ]
    },
};

pub(super) const ACCOUNTS: View = View {
    columns: &[NAME, text("Secrets"), AGE],
    cells: |account, now| {
        vec![
            name(account),
            items(&account["secrets"]).count().into(),
            created(account, now),
        ]
    },
};

pub(super) const BUDGETS: View = View {
    columns: &[
        NAME,
        text("Min Available"),
        text("Max Unavailable"),
        number("Allowed Disruptions"),
        AGE,
    ],
    cells: |budget, now| {
        let bound = |field: &str| match &budget["spec"][field] {
            Value::Null => Value::from("N/A"),
            Value::String(text) => text.clone().into(),
            other => other.to_string().into(),
        };
        vec![
            name(budget),
            bound("minAvailable"),
            bound("maxUnavailable"),
            int(&budget["status"]["disruptionsAllowed"]).into(),
            created(budget, now),
        ]
    },
};
