//! The kinds of objects the operator reads and writes: where each is found in the Kubernetes API.
//!
//! Our own verbs on them are what the chart's roles must allow.

use kube::api::{Api, ApiResource, DynamicObject, PartialObjectMeta};

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// `Service`.
    pub kind: &'static str,
    /// `services`.
    pub plural: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $group:literal / $version:literal $kind:literal $plural:literal $namespaced:literal;)*) => {
        $($(#[$doc])* pub const $name: Kind = Kind {
            group: $group, version: $version, kind: $kind, plural: $plural, namespaced: $namespaced,
        };)*
        /// All of them.
        pub const ALL: &[Kind] = &[$($name),*];
    };
}

kinds! {
    /// The cluster.
    KAFKA = "kafka.strimzi.io" / "v1" "Kafka" "kafkas" true;
    /// Its node pools.
    KAFKA_NODE_POOL = "kafka.strimzi.io" / "v1" "KafkaNodePool" "kafkanodepools" true;
    /// Its plan.
    KAFKA_PLAN = "klamm.dev" / "v1alpha1" "KafkaPlan" "kafkaplans" true;
    /// What Strimzi's operator makes Pods from; only looked at.
    STRIMZI_POD_SET = "core.strimzi.io" / "v1" "StrimziPodSet" "strimzipodsets" true;
    /// Pods.
    POD = "" / "v1" "Pod" "pods" true;
    /// Volume claims.
    PERSISTENT_VOLUME_CLAIM = "" / "v1" "PersistentVolumeClaim" "persistentvolumeclaims" true;
    /// Secrets.
    SECRET = "" / "v1" "Secret" "secrets" true;
    /// Configuration.
    CONFIG_MAP = "" / "v1" "ConfigMap" "configmaps" true;
    /// Services.
    SERVICE = "" / "v1" "Service" "services" true;
    /// Service accounts.
    SERVICE_ACCOUNT = "" / "v1" "ServiceAccount" "serviceaccounts" true;
    /// Namespaces; only looked at, whether they are being deleted.
    NAMESPACE = "" / "v1" "Namespace" "namespaces" false;
    /// Kubernetes nodes; only looked at, for node ports.
    NODE = "" / "v1" "Node" "nodes" false;
    /// Network policies.
    NETWORK_POLICY = "networking.k8s.io" / "v1" "NetworkPolicy" "networkpolicies" true;
    /// Ingresses.
    INGRESS = "networking.k8s.io" / "v1" "Ingress" "ingresses" true;
    /// Disruption budgets.
    POD_DISRUPTION_BUDGET = "policy" / "v1" "PodDisruptionBudget" "poddisruptionbudgets" true;
    /// Roles.
    ROLE = "rbac.authorization.k8s.io" / "v1" "Role" "roles" true;
    /// Role bindings.
    ROLE_BINDING = "rbac.authorization.k8s.io" / "v1" "RoleBinding" "rolebindings" true;
    /// Cluster role bindings: for racks by node label.
    CLUSTER_ROLE_BINDING = "rbac.authorization.k8s.io" / "v1" "ClusterRoleBinding" "clusterrolebindings" false;
    /// OpenShift's routes.
    ROUTE = "route.openshift.io" / "v1" "Route" "routes" true;
    /// Gateway API's TLS routes.
    TLS_ROUTE = "gateway.networking.k8s.io" / "v1alpha2" "TLSRoute" "tlsroutes" true;
}

impl Kind {
    /// The kind with this name; names are unique among ours.
    pub fn named(kind: &str) -> Option<Self> {
        ALL.iter().copied().find(|known| known.kind == kind)
    }

    /// `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// As kube wants it.
    pub fn api_resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// The objects of this kind in `namespace`, or all where the kind has no namespaces.
    pub fn within(&self, client: &kube::Client, namespace: &str) -> Api<DynamicObject> {
        if self.namespaced {
            Api::namespaced_with(client.clone(), namespace, &self.api_resource())
        } else {
            Api::all_with(client.clone(), &self.api_resource())
        }
    }

    /// The objects of this kind in all namespaces.
    pub fn everywhere(&self, client: &kube::Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.api_resource())
    }

    /// The metadata of the objects of this kind in `namespace`.
    pub fn metadata_within(
        &self,
        client: &kube::Client,
        namespace: &str,
    ) -> Api<PartialObjectMeta<DynamicObject>> {
        Api::namespaced_with(client.clone(), namespace, &self.api_resource())
    }

    /// The metadata of the objects of this kind in all namespaces.
    pub fn metadata_everywhere(
        &self,
        client: &kube::Client,
    ) -> Api<PartialObjectMeta<DynamicObject>> {
        Api::all_with(client.clone(), &self.api_resource())
    }
}
