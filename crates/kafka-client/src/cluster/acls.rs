//! Access control lists: described, created, deleted.

use super::{Cluster, To, What};
use crate::error::{Cause, Error};
use crate::messages::create_acls_request::AclCreation;
use crate::messages::delete_acls_request::DeleteAclsFilter;
use crate::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};

/// A code of ours for one of Kafka's numbered words.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $number:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(i8)]
        pub enum $name {
            $($(#[$about])* $variant = $number),*
        }

        impl $name {
            /// Its number on the wire.
            pub fn number(self) -> i8 {
                self as i8
            }

            /// The one of this number.
            pub fn from_number(number: i8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// What kind of thing an ACL is about.
    AclResource {
        /// A topic.
        Topic = 2,
        /// A group.
        Group = 3,
        /// The cluster itself.
        Cluster = 4,
        /// A transactional id.
        TransactionalId = 5,
        /// A delegation token.
        DelegationToken = 6,
        /// A user.
        User = 7,
    }
}

numbered! {
    /// How an ACL's name is matched.
    AclPattern {
        /// The name itself, or `*` for all.
        Literal = 3,
        /// Every name that begins so.
        Prefixed = 4,
    }
}

numbered! {
    /// What an ACL allows or denies.
    AclOperation {
        /// Everything.
        All = 2,
        /// Read.
        Read = 3,
        /// Write.
        Write = 4,
        /// Create.
        Create = 5,
        /// Delete.
        Delete = 6,
        /// Alter.
        Alter = 7,
        /// Describe.
        Describe = 8,
        /// `ClusterAction`.
        ClusterAction = 9,
        /// `DescribeConfigs`.
        DescribeConfigs = 10,
        /// `AlterConfigs`.
        AlterConfigs = 11,
        /// `IdempotentWrite`.
        IdempotentWrite = 12,
        /// `CreateTokens`.
        CreateTokens = 13,
        /// `DescribeTokens`.
        DescribeTokens = 14,
        /// `TwoPhaseCommit`.
        TwoPhaseCommit = 15,
    }
}

numbered! {
    /// Whether an ACL denies or allows.
    AclPermission {
        /// Deny: wins over every allow.
        Deny = 2,
        /// Allow.
        Allow = 3,
    }
}

/// One access control entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// The kind of thing.
    pub resource: AclResource,
    /// Its name; the cluster's is `kafka-cluster`.
    pub name: String,
    /// How the name is matched.
    pub pattern: AclPattern,
    /// Whom it is about, for instance `User:CN=alice`.
    pub principal: String,
    /// From where; `*` is everywhere.
    pub host: String,
    /// What.
    pub operation: AclOperation,
    /// Allowed or denied.
    pub permission: AclPermission,
}

/// Which ACLs are meant; every `None` means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AclFilter {
    /// The kind of thing.
    pub resource: Option<AclResource>,
    /// The name, exactly as in the entry.
    pub name: Option<String>,
    /// How the name is matched.
    pub pattern: Option<AclPattern>,
    /// Whom it is about.
    pub principal: Option<String>,
    /// From where.
    pub host: Option<String>,
    /// What.
    pub operation: Option<AclOperation>,
    /// Allowed or denied.
    pub permission: Option<AclPermission>,
}

/// Kafka's number for "any".
const ANY: i8 = 1;

impl Acl {
    /// An entry from Kafka's numbers.
    pub(crate) fn from_wire(
        (resource, name, pattern): (i8, &str, i8),
        (principal, host, operation, permission): (&str, &str, i8, i8),
    ) -> Result<Self, Cause> {
        let unknown = |what: &str, number: i8| {
            Cause::Nonsense(format!("an ACL has {what} {number}, which is not known"))
        };
        Ok(Self {
            resource: AclResource::from_number(resource)
                .ok_or_else(|| unknown("resource type", resource))?,
            name: name.to_owned(),
            pattern: AclPattern::from_number(pattern)
                .ok_or_else(|| unknown("pattern type", pattern))?,
            principal: principal.to_owned(),
            host: host.to_owned(),
            operation: AclOperation::from_number(operation)
                .ok_or_else(|| unknown("operation", operation))?,
            permission: AclPermission::from_number(permission)
                .ok_or_else(|| unknown("permission", permission))?,
        })
    }
}

impl From<&Acl> for AclFilter {
    /// The filter that means exactly this entry.
    fn from(acl: &Acl) -> Self {
        Self {
            resource: Some(acl.resource),
            name: Some(acl.name.clone()),
            pattern: Some(acl.pattern),
            principal: Some(acl.principal.clone()),
            host: Some(acl.host.clone()),
            operation: Some(acl.operation),
            permission: Some(acl.permission),
        }
    }
}

impl AclFilter {
    /// Whether it means this entry.
    pub fn matches(&self, acl: &Acl) -> bool {
        let Self {
            resource,
            name,
            pattern,
            principal,
            host,
            operation,
            permission,
        } = self;
        resource.is_none_or(|resource| resource == acl.resource)
            && name.as_ref().is_none_or(|name| *name == acl.name)
            && pattern.is_none_or(|pattern| pattern == acl.pattern)
            && principal
                .as_ref()
                .is_none_or(|principal| *principal == acl.principal)
            && host.as_ref().is_none_or(|host| *host == acl.host)
            && operation.is_none_or(|operation| operation == acl.operation)
            && permission.is_none_or(|permission| permission == acl.permission)
    }
}

impl Cluster {
    /// The ACLs that the filter means, sorted. Entries with words that we do not know are an error.
    pub async fn describe_acls(&self, filter: &AclFilter) -> Result<Vec<Acl>, Error> {
        let request = DescribeAclsRequest {
            resource_type_filter: filter.resource.map_or(ANY, AclResource::number),
            resource_name_filter: filter.name.clone(),
            pattern_type_filter: filter.pattern.map_or(ANY, AclPattern::number),
            principal_filter: filter.principal.clone(),
            host_filter: filter.host.clone(),
            operation: filter.operation.map_or(ANY, AclOperation::number),
            permission_type: filter.permission.map_or(ANY, AclPermission::number),
        };
        let what = What {
            operation: "describe ACLs",
            object: "",
            to: To::Any,
        };
        self.read(what, request, |response| {
            Cause::check(response.error_code, response.error_message.as_deref())?;
            let mut acls = Vec::new();
            for resource in &response.resources {
                for acl in &resource.acls {
                    acls.push(Acl::from_wire(
                        (
                            resource.resource_type,
                            &resource.resource_name,
                            resource.pattern_type,
                        ),
                        (
                            &acl.principal,
                            &acl.host,
                            acl.operation,
                            acl.permission_type,
                        ),
                    )?);
                }
            }
            acls.sort();
            Ok(acls)
        })
        .await
    }

    /// Adds ACLs; those that exist stay as they are. The first refused one is the error.
    pub async fn create_acls(&self, acls: &[Acl]) -> Result<(), Error> {
        let creations = acls.iter().map(|acl| AclCreation {
            resource_type: acl.resource.number(),
            resource_name: acl.name.clone(),
            resource_pattern_type: acl.pattern.number(),
            principal: acl.principal.clone(),
            host: acl.host.clone(),
            operation: acl.operation.number(),
            permission_type: acl.permission.number(),
        });
        let object = acls
            .first()
            .map(|acl| acl.principal.clone())
            .unwrap_or_default();
        let what = What {
            operation: "create ACLs of",
            object: &object,
            to: To::Controller,
        };
        self.write(
            what,
            CreateAclsRequest {
                creations: creations.collect(),
            },
            |response| {
                response.results.iter().try_for_each(|result| {
                    Cause::check(result.error_code, result.error_message.as_deref())
                })
            },
        )
        .await
    }

    /// Deletes every ACL that a filter means; says how many there were.
    pub async fn delete_acls(&self, filters: &[AclFilter]) -> Result<usize, Error> {
        let requested = filters.iter().map(|filter| DeleteAclsFilter {
            resource_type_filter: filter.resource.map_or(ANY, AclResource::number),
            resource_name_filter: filter.name.clone(),
            pattern_type_filter: filter.pattern.map_or(ANY, AclPattern::number),
            principal_filter: filter.principal.clone(),
            host_filter: filter.host.clone(),
            operation: filter.operation.map_or(ANY, AclOperation::number),
            permission_type: filter.permission.map_or(ANY, AclPermission::number),
        });
        let object = filters
            .first()
            .and_then(|filter| filter.principal.clone())
            .unwrap_or_default();
        let what = What {
            operation: "delete ACLs of",
            object: &object,
            to: To::Controller,
        };
        self.write(
            what,
            DeleteAclsRequest {
                filters: requested.collect(),
            },
            |response| {
                let mut count = 0;
                for result in &response.filter_results {
                    Cause::check(result.error_code, result.error_message.as_deref())?;
                    for acl in &result.matching_acls {
                        Cause::check(acl.error_code, acl.error_message.as_deref())?;
                    }
                    count += result.matching_acls.len();
                }
                Ok(count)
            },
        )
        .await
    }
}
