//! SCRAM users. Passwords are salted here, so the broker never sees them.

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::Rng as _;

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::error_code::ErrorCode;
use crate::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use crate::messages::describe_user_scram_credentials_request::UserName;
use crate::messages::{AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest};
use crate::scram::{MIN_ITERATIONS, ScramMechanism, check_ascii};

/// A credential as Kafka describes it: never the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScramCredential {
    /// Which hash.
    pub mechanism: ScramMechanism,
    /// How often it is applied.
    pub iterations: i32,
}

impl Cluster {
    /// Every SCRAM user, or those of `only` that exist.
    pub async fn scram_users(
        &self,
        only: Option<&[&str]>,
    ) -> Result<BTreeMap<String, Vec<ScramCredential>>, Error> {
        let users = only.map(|names| {
            names
                .iter()
                .map(|name| UserName {
                    name: (*name).to_owned(),
                })
                .collect()
        });
        let what = What {
            operation: "describe SCRAM users",
            object: "",
            to: To::Any,
        };
        self.read(
            what,
            DescribeUserScramCredentialsRequest { users },
            |response| {
                Cause::check(response.error_code, response.error_message.as_deref())?;
                let mut found = BTreeMap::new();
                for user in response.results {
                    if ErrorCode::from_code(user.error_code) == ErrorCode::ResourceNotFound {
                        continue;
                    }
                    Cause::check(user.error_code, user.error_message.as_deref())?;
                    let mut credentials: Vec<ScramCredential> = user
                        .credential_infos
                        .iter()
                        .filter_map(|info| {
                            let mechanism = match info.mechanism {
                                1 => ScramMechanism::Sha256,
                                2 => ScramMechanism::Sha512,
                                _ => return None,
                            };
                            Some(ScramCredential {
                                mechanism,
                                iterations: info.iterations,
                            })
                        })
                        .collect();
                    credentials.sort();
                    found.insert(user.user, credentials);
                }
                Ok(found)
            },
        )
        .await
    }

    /// Creates a SCRAM user or changes its password.
    pub async fn set_scram_user(
        &self,
        name: &str,
        mechanism: ScramMechanism,
        password: &str,
    ) -> Result<(), Error> {
        const OPERATION: &str = "set SCRAM user";
        for (what, text) in [("user name", name), ("password", password)] {
            check_ascii(what, text).map_err(|error| {
                Error::new(OPERATION, Cause::Input(error.to_string())).about(OPERATION, name)
            })?;
        }
        let salt: [u8; 32] = rand::rng().random();
        let salted_password = mechanism.salted_password(password, &salt, MIN_ITERATIONS);
        let request = AlterUserScramCredentialsRequest {
            deletions: Vec::new(),
            upsertions: vec![ScramCredentialUpsertion {
                name: name.to_owned(),
                mechanism: mechanism.number(),
                iterations: MIN_ITERATIONS.cast_signed(),
                salt: Bytes::copy_from_slice(&salt),
                salted_password: Bytes::from(salted_password),
            }],
        };
        self.alter_scram(OPERATION, name, request).await
    }

    /// Deletes a SCRAM user's credential; one that is not there is `RESOURCE_NOT_FOUND`.
    pub async fn delete_scram_user(
        &self,
        name: &str,
        mechanism: ScramMechanism,
    ) -> Result<(), Error> {
        let deletion = ScramCredentialDeletion {
            name: name.to_owned(),
            mechanism: mechanism.number(),
        };
        let request = AlterUserScramCredentialsRequest {
            deletions: vec![deletion],
            upsertions: Vec::new(),
        };
        self.alter_scram("delete SCRAM user", name, request).await
    }

    async fn alter_scram(
        &self,
        operation: &'static str,
        name: &str,
        request: AlterUserScramCredentialsRequest,
    ) -> Result<(), Error> {
        let what = What {
            operation,
            object: name,
            to: To::Controller,
        };
        self.write(what, request, |response| {
            response.results.iter().try_for_each(|result| {
                Cause::check(result.error_code, result.error_message.as_deref())
            })
        })
        .await
    }
}
