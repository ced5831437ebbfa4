//! Ingresses, Routes and `TLSRoute`s: TLS passed through to brokers by host name.
//!
//! Routes and `TLSRoute`s belong to other projects' APIs, so they are rendered as JSON.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::desired::{Listener, ListenerKind, MetadataTemplate, Node};
use serde_json::{Value, json};

use crate::address;
use crate::facts::Input;
use crate::labels::{self, Component, Map};
use crate::names;
use crate::services;
use crate::template;
use crate::to_value;

/// All of them, sorted by listener, bootstrap first, then by node.
pub fn render(input: &Input<'_>) -> Vec<Value> {
    let mut objects = Vec::new();
    for listener in &input.cluster.listeners {
        let Some(shape) = Shape::of(listener.kind) else {
            continue;
        };
        objects.push(object(shape, listener, bootstrap(input, shape, listener)));
        objects.extend(
            input
                .brokers()
                .map(|node| object(shape, listener, broker(input, shape, listener, node))),
        );
    }
    objects
}

#[derive(Clone, Copy)]
enum Shape {
    Ingress,
    Route,
    TlsRoute,
}

impl Shape {
    const fn of(kind: ListenerKind) -> Option<Self> {
        match kind {
            ListenerKind::Ingress => Some(Self::Ingress),
            ListenerKind::Route => Some(Self::Route),
            ListenerKind::TlsRoute => Some(Self::TlsRoute),
            ListenerKind::Internal
            | ListenerKind::ClusterIp
            | ListenerKind::NodePort
            | ListenerKind::LoadBalancer => None,
        }
    }
}

/// What differs between bootstrap and brokers.
struct Exposure {
    metadata: ObjectMeta,
    host: Option<String>,
    service: String,
}

fn bootstrap(input: &Input<'_>, shape: Shape, listener: &Listener) -> Exposure {
    let cluster = input.cluster;
    let wish = &listener.configuration.bootstrap;
    let template = match shape {
        Shape::Ingress => &cluster.template.external_bootstrap_ingress,
        Shape::Route | Shape::TlsRoute => &cluster.template.external_bootstrap_route,
    };
    let labels = labels::cluster_labels(cluster, Component::Kafka);
    let name = names::listener_bootstrap_exposure(&cluster.name, listener);
    Exposure {
        metadata: metadata(
            input,
            shape,
            name,
            labels,
            (&wish.labels, &wish.annotations, template),
        ),
        host: wish.host.clone(),
        service: names::listener_bootstrap_service(&cluster.name, listener),
    }
}

fn broker(input: &Input<'_>, shape: Shape, listener: &Listener, node: &Node) -> Exposure {
    let cluster = input.cluster;
    let templates = template::node_templates(cluster, input.pool(node));
    let template = match shape {
        Shape::Ingress => templates.per_pod_ingress,
        Shape::Route | Shape::TlsRoute => templates.per_pod_route,
    };
    let labels = labels::node_labels(cluster, input.pool(node), node);
    let name = names::listener_broker(&cluster.name, listener, node);
    let own_labels = services::broker_labels(input, listener, node);
    let own_annotations = services::broker_annotations(input, listener, node);
    Exposure {
        metadata: metadata(
            input,
            shape,
            name.clone(),
            labels,
            (&own_labels, &own_annotations, template),
        ),
        host: address::exposure_host(input, listener, node),
        service: name,
    }
}

fn metadata(
    input: &Input<'_>,
    shape: Shape,
    name: String,
    labels: Map,
    (own_labels, own_annotations, template): (&Map, &Map, &MetadataTemplate),
) -> ObjectMeta {
    let labels = labels::with_labels(labels, &labels::merged([own_labels, &template.labels]));
    let passthrough = match shape {
        // What the common Ingress controllers want to hear so that they do not end TLS themselves.
        Shape::Ingress => labels::map([
            ("ingress.kubernetes.io/ssl-passthrough", "true".to_owned()),
            (
                "nginx.ingress.kubernetes.io/backend-protocol",
                "HTTPS".to_owned(),
            ),
            (
                "nginx.ingress.kubernetes.io/ssl-passthrough",
                "true".to_owned(),
            ),
        ]),
        Shape::Route | Shape::TlsRoute => Map::new(),
    };
    let annotations = labels::merged([&passthrough, &template.annotations, own_annotations]);
    labels::metadata(input, name, labels, annotations)
}

fn object(shape: Shape, listener: &Listener, exposure: Exposure) -> Value {
    match shape {
        Shape::Ingress => to_value(&ingress(listener, exposure)),
        Shape::Route => route(listener, exposure),
        Shape::TlsRoute => tls_route(listener, exposure),
    }
}

fn ingress(listener: &Listener, exposure: Exposure) -> Ingress {
    let Exposure {
        metadata,
        host,
        service,
    } = exposure;
    let path = HTTPIngressPath {
        path: Some("/".to_owned()),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: service,
                port: Some(ServiceBackendPort {
                    number: Some(i32::from(listener.port)),
                    name: None,
                }),
            }),
            resource: None,
        },
    };
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: listener.configuration.class.clone(),
            tls: Some(vec![IngressTLS {
                hosts: host.clone().map(|host| vec![host]),
                secret_name: None,
            }]),
            rules: Some(vec![IngressRule {
                host,
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            default_backend: None,
        }),
        status: None,
    }
}

fn route(listener: &Listener, exposure: Exposure) -> Value {
    let Exposure {
        metadata,
        host,
        service,
    } = exposure;
    let mut route = json!({
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": metadata,
        "spec": {
            "to": { "kind": "Service", "name": service },
            "port": { "targetPort": listener.port },
            "tls": { "termination": "passthrough" },
        },
    });
    if let Some(host) = host {
        route["spec"]["host"] = Value::String(host);
    }
    route
}

fn tls_route(listener: &Listener, exposure: Exposure) -> Value {
    let Exposure {
        metadata,
        host,
        service,
    } = exposure;
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "TLSRoute",
        "metadata": metadata,
        "spec": {
            "parentRefs": listener.configuration.parent_refs,
            "hostnames": host.into_iter().collect::<Vec<_>>(),
            "rules": [{ "backendRefs": [{ "name": service, "port": listener.port }] }],
        },
    })
}
