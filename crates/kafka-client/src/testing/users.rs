//! Answers about SCRAM users and ACLs.

use crate::cluster::{Acl, AclFilter, AclOperation, AclPattern, AclPermission, AclResource};
use crate::error_code::ErrorCode;
use crate::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use crate::messages::create_acls_response::AclCreationResult;
use crate::messages::delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl};
use crate::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use crate::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use crate::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, CreateAclsRequest,
    CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
    DescribeAclsResponse, DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
};
use crate::wire::WireError;

use super::State;
use super::cluster::code;
use super::serve::Call;

type Frame = Result<Option<Vec<u8>>, WireError>;

pub(super) fn describe_scram(state: &mut State, call: Call<'_>) -> Frame {
    call.with(
        state,
        |state, request: DescribeUserScramCredentialsRequest, refusal| {
            let names: Vec<String> = match request.users {
                Some(users) if !users.is_empty() => {
                    users.into_iter().map(|user| user.name).collect()
                }
                _ => state.users.keys().cloned().collect(),
            };
            let results = names.into_iter().map(|user| {
                let known = state.users.get(&user);
                let infos = known.into_iter().flatten();
                let infos = infos.map(|(mechanism, iterations)| CredentialInfo {
                    mechanism: *mechanism,
                    iterations: *iterations,
                });
                let error = if known.is_none() {
                    Some(ErrorCode::ResourceNotFound)
                } else {
                    None
                };
                DescribeUserScramCredentialsResult {
                    error_code: code(error),
                    error_message: None,
                    credential_infos: infos.collect(),
                    user,
                }
            });
            DescribeUserScramCredentialsResponse {
                error_code: code(refusal),
                error_message: None,
                results: results.collect(),
                ..Default::default()
            }
        },
    )
}

pub(super) fn alter_scram(state: &mut State, call: Call<'_>) -> Frame {
    call.with(
        state,
        |state, request: AlterUserScramCredentialsRequest, refusal| {
            let mut results = Vec::new();
            for deletion in request.deletions {
                let gone = refusal.is_none()
                    && state
                        .users
                        .get_mut(&deletion.name)
                        .is_some_and(|user| user.remove(&deletion.mechanism).is_some());
                state.users.retain(|_, mechanisms| !mechanisms.is_empty());
                let error = refusal.or((!gone).then_some(ErrorCode::ResourceNotFound));
                results.push((deletion.name, error));
            }
            for upsertion in request.upsertions {
                let weak = upsertion.iterations < 4096 || upsertion.salted_password.is_empty();
                let error = refusal.or(weak.then_some(ErrorCode::UnacceptableCredential));
                if error.is_none() {
                    let user = state.users.entry(upsertion.name.clone()).or_default();
                    user.insert(upsertion.mechanism, upsertion.iterations);
                }
                results.push((upsertion.name, error));
            }
            let results =
                results
                    .into_iter()
                    .map(|(user, error)| AlterUserScramCredentialsResult {
                        user,
                        error_code: code(error),
                        error_message: None,
                    });
            AlterUserScramCredentialsResponse {
                results: results.collect(),
                ..Default::default()
            }
        },
    )
}

pub(super) fn describe_acls(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: DescribeAclsRequest, refusal| {
        let filter = AclFilter {
            resource: AclResource::from_number(request.resource_type_filter),
            name: request.resource_name_filter,
            pattern: AclPattern::from_number(request.pattern_type_filter),
            principal: request.principal_filter,
            host: request.host_filter,
            operation: AclOperation::from_number(request.operation),
            permission: AclPermission::from_number(request.permission_type),
        };
        let resources = state
            .acls
            .iter()
            .filter(|acl| filter.matches(acl))
            .map(|acl| DescribeAclsResource {
                resource_type: acl.resource.number(),
                resource_name: acl.name.clone(),
                pattern_type: acl.pattern.number(),
                acls: vec![AclDescription {
                    principal: acl.principal.clone(),
                    host: acl.host.clone(),
                    operation: acl.operation.number(),
                    permission_type: acl.permission.number(),
                }],
            });
        DescribeAclsResponse {
            error_code: code(refusal),
            error_message: None,
            resources: resources.collect(),
            ..Default::default()
        }
    })
}

pub(super) fn create_acls(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: CreateAclsRequest, refusal| {
        let results = request.creations.into_iter().map(|acl| {
            let parsed = Acl::from_wire(
                (
                    acl.resource_type,
                    &acl.resource_name,
                    acl.resource_pattern_type,
                ),
                (
                    &acl.principal,
                    &acl.host,
                    acl.operation,
                    acl.permission_type,
                ),
            );
            let error = refusal.or(parsed.is_err().then_some(ErrorCode::InvalidRequest));
            if let (None, Ok(acl)) = (error, parsed) {
                state.acls.insert(acl);
            }
            AclCreationResult {
                error_code: code(error),
                error_message: None,
            }
        });
        CreateAclsResponse {
            results: results.collect(),
            ..Default::default()
        }
    })
}

pub(super) fn delete_acls(state: &mut State, call: Call<'_>) -> Frame {
    call.with(state, |state, request: DeleteAclsRequest, refusal| {
        let mut filter_results = Vec::new();
        for filter in request.filters {
            let filter = AclFilter {
                resource: AclResource::from_number(filter.resource_type_filter),
                name: filter.resource_name_filter,
                pattern: AclPattern::from_number(filter.pattern_type_filter),
                principal: filter.principal_filter,
                host: filter.host_filter,
                operation: AclOperation::from_number(filter.operation),
                permission: AclPermission::from_number(filter.permission_type),
            };
            let gone: Vec<Acl> = state
                .acls
                .extract_if(.., |acl| refusal.is_none() && filter.matches(acl))
                .collect();
            let matching_acls = gone.into_iter().map(|acl| DeleteAclsMatchingAcl {
                error_code: 0,
                error_message: None,
                resource_type: acl.resource.number(),
                resource_name: acl.name,
                pattern_type: acl.pattern.number(),
                principal: acl.principal,
                host: acl.host,
                operation: acl.operation.number(),
                permission_type: acl.permission.number(),
            });
            filter_results.push(DeleteAclsFilterResult {
                error_code: code(refusal),
                error_message: None,
                matching_acls: matching_acls.collect(),
            });
        }
        DeleteAclsResponse {
            filter_results,
            ..Default::default()
        }
    })
}
