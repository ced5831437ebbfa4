//! The table of built-in resources.

use std::sync::OnceLock;

use super::{Resource, ScalePaths, Source};

/// One row: where, what it is called, and what it can do.
struct Row {
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    flags: &'static str,
    subresources: &'static [&'static str],
}

const fn row(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    flags: &'static str,
    subresources: &'static [&'static str],
) -> Row {
    Row {
        group,
        plural,
        kind,
        short,
        flags,
        subresources,
    }
}

/// Flags: `n` namespaced, `s` status, `r` scale, `g` generation, `a` category "all", `x` no objects.
const ROWS: &[Row] = &[
    row("", "bindings", "Binding", &[], "nx", &[]),
    row("", "configmaps", "ConfigMap", &["cm"], "n", &[]),
    row("", "endpoints", "Endpoints", &["ep"], "n", &[]),
    row("", "events", "Event", &["ev"], "n", &[]),
    row("", "limitranges", "LimitRange", &["limits"], "n", &[]),
    row("", "namespaces", "Namespace", &["ns"], "s", &["finalize"]),
    row("", "nodes", "Node", &["no"], "s", &[]),
    row(
        "",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        &["pvc"],
        "ns",
        &[],
    ),
    row(
        "",
        "persistentvolumes",
        "PersistentVolume",
        &["pv"],
        "s",
        &[],
    ),
    row(
        "",
        "pods",
        "Pod",
        &["po"],
        "nsga",
        &[
            "attach",
            "binding",
            "eviction",
            "exec",
            "log",
            "portforward",
        ],
    ),
    row(
        "",
        "replicationcontrollers",
        "ReplicationController",
        &["rc"],
        "nsrga",
        &[],
    ),
    row("", "resourcequotas", "ResourceQuota", &["quota"], "ns", &[]),
    row("", "secrets", "Secret", &[], "n", &[]),
    row(
        "",
        "serviceaccounts",
        "ServiceAccount",
        &["sa"],
        "n",
        &["token"],
    ),
    row("", "services", "Service", &["svc"], "nsa", &[]),
    row(
        "apiregistration.k8s.io",
        "apiservices",
        "APIService",
        &[],
        "s",
        &[],
    ),
    row(
        "apps",
        "controllerrevisions",
        "ControllerRevision",
        &[],
        "n",
        &[],
    ),
    row("apps", "daemonsets", "DaemonSet", &["ds"], "nsga", &[]),
    row(
        "apps",
        "deployments",
        "Deployment",
        &["deploy"],
        "nsrga",
        &[],
    ),
    row("apps", "replicasets", "ReplicaSet", &["rs"], "nsrga", &[]),
    row(
        "apps",
        "statefulsets",
        "StatefulSet",
        &["sts"],
        "nsrga",
        &[],
    ),
    row("events.k8s.io", "events", "Event", &["ev"], "n", &[]),
    row(
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
        &[],
        "x",
        &[],
    ),
    row(
        "authentication.k8s.io",
        "tokenreviews",
        "TokenReview",
        &[],
        "x",
        &[],
    ),
    row(
        "authorization.k8s.io",
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        &[],
        "nx",
        &[],
    ),
    row(
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        &[],
        "x",
        &[],
    ),
    row(
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        &[],
        "x",
        &[],
    ),
    row(
        "authorization.k8s.io",
        "subjectaccessreviews",
        "SubjectAccessReview",
        &[],
        "x",
        &[],
    ),
    row(
        "autoscaling",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        &["hpa"],
        "nsa",
        &[],
    ),
    row("batch", "cronjobs", "CronJob", &["cj"], "nsga", &[]),
    row("batch", "jobs", "Job", &[], "nsga", &[]),
    row(
        "networking.k8s.io",
        "ingressclasses",
        "IngressClass",
        &[],
        "g",
        &[],
    ),
    row(
        "networking.k8s.io",
        "ingresses",
        "Ingress",
        &["ing"],
        "nsg",
        &[],
    ),
    row(
        "networking.k8s.io",
        "networkpolicies",
        "NetworkPolicy",
        &["netpol"],
        "ng",
        &[],
    ),
    row(
        "policy",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        &["pdb"],
        "nsg",
        &[],
    ),
    row(
        "rbac.authorization.k8s.io",
        "clusterrolebindings",
        "ClusterRoleBinding",
        &[],
        "",
        &[],
    ),
    row(
        "rbac.authorization.k8s.io",
        "clusterroles",
        "ClusterRole",
        &[],
        "",
        &[],
    ),
    row(
        "rbac.authorization.k8s.io",
        "rolebindings",
        "RoleBinding",
        &[],
        "n",
        &[],
    ),
    row("rbac.authorization.k8s.io", "roles", "Role", &[], "n", &[]),
    row("storage.k8s.io", "csidrivers", "CSIDriver", &[], "", &[]),
    row("storage.k8s.io", "csinodes", "CSINode", &[], "", &[]),
    row(
        "storage.k8s.io",
        "storageclasses",
        "StorageClass",
        &["sc"],
        "",
        &[],
    ),
    row(
        "storage.k8s.io",
        "volumeattachments",
        "VolumeAttachment",
        &[],
        "s",
        &[],
    ),
    row(
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        &[],
        "g",
        &[],
    ),
    row(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        &[],
        "sg",
        &[],
    ),
    row(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        &[],
        "g",
        &[],
    ),
    row(
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        &[],
        "g",
        &[],
    ),
    row(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        &["crd", "crds"],
        "sg",
        &[],
    ),
    row(
        "scheduling.k8s.io",
        "priorityclasses",
        "PriorityClass",
        &["pc"],
        "",
        &[],
    ),
    row("coordination.k8s.io", "leases", "Lease", &[], "n", &[]),
    row(
        "node.k8s.io",
        "runtimeclasses",
        "RuntimeClass",
        &[],
        "",
        &[],
    ),
    row(
        "discovery.k8s.io",
        "endpointslices",
        "EndpointSlice",
        &[],
        "n",
        &[],
    ),
];

/// All built-in resources, in the order their groups are told.
pub(super) fn all() -> impl Iterator<Item = Resource> {
    ROWS.iter().map(|row| {
        let has = |flag: char| row.flags.contains(flag);
        let version = if row.group == "autoscaling" {
            "v2"
        } else {
            "v1"
        };
        let events = row.plural == "events";
        let categories: &[&str] = match row.group {
            _ if has('a') => &["all"],
            "apiregistration.k8s.io" | "apiextensions.k8s.io" | "admissionregistration.k8s.io" => {
                &["api-extensions"]
            }
            _ => &[],
        };
        Resource {
            group: row.group.to_owned(),
            version: version.to_owned(),
            kind: row.kind.to_owned(),
            list_kind: format!("{}List", row.kind),
            plural: row.plural.to_owned(),
            singular: row.kind.to_lowercase(),
            short_names: row.short.iter().map(|&s| s.to_owned()).collect(),
            categories: categories.iter().map(|&s| s.to_owned()).collect(),
            namespaced: has('n'),
            status: has('s'),
            generation: has('g'),
            scale: has('r').then(|| ScalePaths {
                spec_replicas: "spec.replicas".to_owned(),
                status_replicas: "status.replicas".to_owned(),
                selector: Some("spec.selector".to_owned()),
            }),
            subresources: row.subresources,
            stored: !has('x'),
            source: Source::Builtin,
            storage: (
                if events {
                    String::new()
                } else {
                    row.group.to_owned()
                },
                version.to_owned(),
            ),
            columns: Vec::new(),
            selectable: Vec::new(),
            deprecation: None,
            definition: None,
            schema: OnceLock::new(),
        }
    })
}
