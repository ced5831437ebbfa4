//! Cluster-wide features, of which `metadata.version` and `kraft.version` matter most.

use std::collections::BTreeMap;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::messages::update_features_request::FeatureUpdateKey;
use crate::messages::{ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest};

/// Features as one node sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// What the asked node could do: first and last level by name.
    pub supported: BTreeMap<String, (i16, i16)>,
    /// What the cluster has agreed on: level by name. Absent means level 0.
    pub finalized: BTreeMap<String, i16>,
    /// The epoch of `finalized`; `None` if the node does not know it yet.
    pub epoch: Option<i64>,
}

/// A change of one feature's level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureChange {
    /// The feature.
    pub name: String,
    /// Its new level; 0 removes it.
    pub level: i16,
    /// Whether the level may go down; an unsafe downgrade loses metadata and is never asked for.
    pub may_downgrade: bool,
}

impl Features {
    pub(crate) fn of(response: &ApiVersionsResponse) -> Self {
        let supported = response.supported_features.iter();
        let finalized = response.finalized_features.iter();
        Self {
            supported: supported
                .map(|feature| {
                    (
                        feature.name.clone(),
                        (feature.min_version, feature.max_version),
                    )
                })
                .collect(),
            finalized: finalized
                .map(|feature| (feature.name.clone(), feature.max_version_level))
                .collect(),
            epoch: Some(response.finalized_features_epoch).filter(|epoch| *epoch >= 0),
        }
    }
}

impl Cluster {
    /// Features as `to` sees them, asked afresh.
    pub async fn describe_features(&self, to: To) -> Result<Features, Error> {
        let request = ApiVersionsRequest {
            client_software_name: "klamm".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let what = What {
            operation: "describe features",
            object: "",
            to,
        };
        self.read(what, request, |response| {
            Cause::check(response.error_code, None)?;
            Ok(Features::of(&response))
        })
        .await
    }

    /// Changes feature levels, all or none; `validate_only` only asks whether it could.
    pub async fn update_features(
        &self,
        changes: &[FeatureChange],
        validate_only: bool,
    ) -> Result<(), Error> {
        let updates = changes.iter().map(|change| FeatureUpdateKey {
            feature: change.name.clone(),
            max_version_level: change.level,
            allow_downgrade: false,
            upgrade_type: if change.may_downgrade { 2 } else { 1 },
        });
        let request = UpdateFeaturesRequest {
            timeout_ms: self.timeout_ms(),
            feature_updates: updates.collect(),
            validate_only,
        };
        let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        let object = names.join(", ");
        let what = What {
            operation: "update features",
            object: &object,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())?;
            for result in &response.results {
                Cause::check(result.error_code, result.error_message.as_deref())?;
            }
            Ok(())
        })
        .await
    }
}
