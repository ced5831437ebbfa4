//! Create, read, update: metadata, preconditions, dry runs.

use expect_test::expect;
use serde_json::json;

use crate::server::{Context, cases, with_query};

cases![crud:
    create_fills_in_metadata,
    create_makes_up_a_name,
    create_again_is_refused,
    create_and_update_ignore_what_is_the_servers,
    a_missing_object_is_not_found,
    update_counts_and_keeps,
    update_with_an_old_version_is_a_conflict,
    update_without_a_version_overwrites,
    update_of_a_missing_object_is_not_found,
    update_with_another_uid_is_a_conflict,
    update_of_nothing_changes_nothing,
    a_dry_run_leaves_nothing,
    a_service_gets_an_address_and_defaults,
    a_pod_gets_defaults,
    a_claim_gets_defaults,
    a_deployment_gets_defaults,
    a_secret_takes_plain_text,
    a_secret_and_a_config_map_can_be_immutable,
    a_pods_spec_is_immutable,
    a_service_keeps_its_address,
    a_namespace_gets_a_label_and_a_finalizer,
    a_budget_and_a_role_and_a_network_policy,
    quantities_become_canonical,
];

async fn create_fills_in_metadata(c: Context) {
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "v"}}),
        )
        .await;
    expect![[r#"
        201
        apiVersion = "v1"
        data.k = "v"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.labels.x = "y"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    expect![[r#"
        conformance Update v1 -
          {"f:data":{".":{},"f:k":{}},"f:metadata":{"f:labels":{".":{},"f:x":{}}}}
    "#]]
    .assert_eq(&c.owners(&reply.body));
    let read = c.get(&c.core("configmaps/a")).await.ok();
    assert_eq!(read, reply.body);
}

async fn create_makes_up_a_name(c: Context) {
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"generateName": "made-"}}),
        )
        .await
        .ok();
    let name = reply["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("made-") && name.len() == 10, "{name}");
    assert_eq!(reply["metadata"]["generateName"], "made-");
    let reply = c
        .create(&c.core("configmaps"), &json!({"metadata": {}}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "metadata.name"
        details.causes[0].message = "Required value: name or generateName is required"
        details.causes[0].reason = "FieldValueRequired"
        details.kind = "ConfigMap"
        kind = "Status"
        message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn create_again_is_refused(c: Context) {
    let body = json!({"metadata": {"name": "a"}});
    c.create(&c.core("configmaps"), &body).await.ok();
    let reply = c.create(&c.core("configmaps"), &body).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.kind = "configmaps"
        details.name = "a"
        kind = "Status"
        message = "configmaps \"a\" already exists"
        metadata = {}
        reason = "AlreadyExists"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn create_and_update_ignore_what_is_the_servers(c: Context) {
    let body = json!({"metadata": {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}});
    let made = c.create(&c.core("configmaps"), &body).await.ok();
    assert_ne!(made["metadata"]["uid"], "mine");
    assert_ne!(
        made["metadata"]["creationTimestamp"],
        "2001-01-01T00:00:00Z"
    );
    expect![[r#"
        apiVersion = "v1"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.flat(&made));
    let mut changed = made.clone();
    changed["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    let reply = c.put(&c.core("configmaps/a"), &changed).await.ok();
    assert_eq!(
        reply["metadata"]["creationTimestamp"],
        made["metadata"]["creationTimestamp"]
    );
    let reply = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "b", "resourceVersion": "1"}}),
        )
        .await;
    expect![[r#"
        500
        apiVersion = "v1"
        code = 500
        kind = "Status"
        message = "resourceVersion should not be set on objects to be created"
        metadata = {}
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_missing_object_is_not_found(c: Context) {
    let reply = c.get(&c.core("configmaps/none")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "configmaps"
        details.name = "none"
        kind = "Status"
        message = "configmaps \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c.get(&c.group("apps/v1", "deployments/none")).await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.group = "apps"
        details.kind = "deployments"
        details.name = "none"
        kind = "Status"
        message = "deployments.apps \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn update_counts_and_keeps(c: Context) {
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let made = c
        .create(&c.group("apps/v1", "deployments"), &deployment)
        .await
        .ok();
    assert_eq!(made["metadata"]["generation"], 1);
    let path = c.group("apps/v1", "deployments/d");
    let mut labelled = c.get(&path).await.ok();
    labelled["metadata"]["labels"] = json!({"x": "y"});
    labelled["metadata"]
        .as_object_mut()
        .expect("metadata")
        .remove("resourceVersion");
    let labelled = c.put(&path, &labelled).await.ok();
    assert_eq!(
        labelled["metadata"]["generation"], 1,
        "a label is no new generation"
    );
    let mut scaled = labelled.clone();
    scaled["spec"]["template"]["spec"]["containers"][0]["image"] = json!("j");
    scaled["status"] = json!({"replicas": 9});
    scaled["metadata"]
        .as_object_mut()
        .expect("metadata")
        .remove("resourceVersion");
    let scaled = c.put(&path, &scaled).await.ok();
    assert_eq!(scaled["metadata"]["generation"], 2);
    assert_ne!(
        scaled["status"]["replicas"], 9,
        "status is written elsewhere"
    );
}

async fn update_with_an_old_version_is_a_conflict(c: Context) {
    let old = c
        .create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let mut new = old.clone();
    new["data"] = json!({"k": "1"});
    c.put(&c.core("configmaps/a"), &new).await.ok();
    new["data"] = json!({"k": "2"});
    let reply = c.put(&c.core("configmaps/a"), &new).await;
    expect![[r#"
        409
        apiVersion = "v1"
        code = 409
        details.kind = "configmaps"
        details.name = "a"
        kind = "Status"
        message = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
        metadata = {}
        reason = "Conflict"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn update_without_a_version_overwrites(c: Context) {
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "1"}}),
    )
    .await
    .ok();
    let reply = c
        .put(
            &c.core("configmaps/a"),
            &json!({"metadata": {"name": "a"}, "data": {"l": "2"}}),
        )
        .await;
    expect![[r#"
        200
        apiVersion = "v1"
        data.l = "2"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.told(&reply));
    expect![[r#"
        conformance Update v1 -
          {"f:data":{".":{},"f:l":{}}}
    "#]]
    .assert_eq(&c.owners(&reply.body));
}

async fn update_of_a_missing_object_is_not_found(c: Context) {
    let reply = c
        .put(
            &c.core("configmaps/none"),
            &json!({"metadata": {"name": "none"}}),
        )
        .await;
    expect![[r#"
        404
        apiVersion = "v1"
        code = 404
        details.kind = "configmaps"
        details.name = "none"
        kind = "Status"
        message = "configmaps \"none\" not found"
        metadata = {}
        reason = "NotFound"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .put(
            &c.core("configmaps/none"),
            &json!({"metadata": {"name": "other"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "the name of the object (other) does not match the name on the URL (none)"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 3}});
    let reply = c
        .put(&c.group("coordination.k8s.io/v1", "leases/l"), &lease)
        .await;
    expect![[r#"
        201
        apiVersion = "coordination.k8s.io/v1"
        kind = "Lease"
        metadata.creationTimestamp = "TIME"
        metadata.name = "l"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.holderIdentity = "me"
        spec.leaseDurationSeconds = 3
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn update_with_another_uid_is_a_conflict(c: Context) {
    let mut body = c
        .create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    body["metadata"]["uid"] = json!("another");
    let reply = c.put(&c.core("configmaps/a"), &body).await;
    assert_eq!(
        (reply.code, &reply.body["reason"]),
        (409, &json!("Conflict"))
    );
    let message = reply.body["message"].as_str().unwrap_or("");
    let told = "Precondition failed: UID in precondition: another, UID in object meta: ";
    assert!(message.contains(told), "{message}");
}

async fn update_of_nothing_changes_nothing(c: Context) {
    let made = c
        .create(
            &c.core("configmaps"),
            &json!({"metadata": {"name": "a"}, "data": {"k": "v"}}),
        )
        .await
        .ok();
    let again = c.put(&c.core("configmaps/a"), &made).await.ok();
    assert_eq!(again, made, "the version, too, stays");
    let again = c
        .merge_patch(&c.core("configmaps/a"), &json!({"data": {"k": "v"}}))
        .await
        .ok();
    assert_eq!(again, made);
}

async fn a_dry_run_leaves_nothing(c: Context) {
    let made = c
        .create(
            &with_query(&c.core("configmaps"), "dryRun=All"),
            &json!({"metadata": {"name": "a"}}),
        )
        .await
        .ok();
    assert!(made["metadata"]["uid"].is_string());
    expect![[r#"
        apiVersion = "v1"
        kind = "ConfigMap"
        metadata.creationTimestamp = "TIME"
        metadata.name = "a"
        metadata.namespace = "NS"
        metadata.uid = "UID"
    "#]]
    .assert_eq(&c.flat(&made));
    assert_eq!(c.get(&c.core("configmaps/a")).await.code, 404);
    let made = c
        .create(&c.core("configmaps"), &json!({"metadata": {"name": "a"}}))
        .await
        .ok();
    let patched = c
        .merge_patch(
            &with_query(&c.core("configmaps/a"), "dryRun=All"),
            &json!({"data": {"k": "v"}}),
        )
        .await
        .ok();
    assert_eq!(patched["data"]["k"], "v");
    c.delete(&with_query(&c.core("configmaps/a"), "dryRun=All"))
        .await
        .ok();
    assert_eq!(c.get(&c.core("configmaps/a")).await.ok(), made);
    let reply = c
        .delete(&with_query(&c.core("configmaps/a"), "dryRun=Some"))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "dryRun"
        details.causes[0].message = "Unsupported value: [\"Some\"]: supported values: \"All\""
        details.causes[0].reason = "FieldValueNotSupported"
        details.group = "meta.k8s.io"
        details.kind = "DeleteOptions"
        kind = "Status"
        message = "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\""
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn a_service_gets_an_address_and_defaults(c: Context) {
    let body = json!({"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}, {"name": "p", "port": 81, "targetPort": "web"}]}});
    let reply = c.create(&c.core("services"), &body).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "spec.ports[0].name"
        details.causes[0].message = "Required value"
        details.causes[0].reason = "FieldValueRequired"
        details.kind = "Service"
        details.name = "s"
        kind = "Status"
        message = "Service \"s\" is invalid: spec.ports[0].name: Required value"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let body = json!({"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"name": "x", "port": 80}, {"name": "p", "port": 81, "targetPort": "web"}]}});
    let mut made = c.create(&c.core("services"), &body).await.ok();
    let address = made["spec"]["clusterIP"].clone();
    assert_eq!(made["spec"]["clusterIPs"], json!([address]));
    assert!(
        address
            .as_str()
            .is_some_and(|a| a.parse::<std::net::Ipv4Addr>().is_ok())
    );
    made["spec"]["clusterIP"] = json!("IP");
    made["spec"]["clusterIPs"] = json!(["IP"]);
    expect![[r#"
        apiVersion = "v1"
        kind = "Service"
        metadata.creationTimestamp = "TIME"
        metadata.name = "s"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.clusterIP = "IP"
        spec.clusterIPs[0] = "IP"
        spec.internalTrafficPolicy = "Cluster"
        spec.ipFamilies[0] = "IPv4"
        spec.ipFamilyPolicy = "SingleStack"
        spec.ports[0].name = "x"
        spec.ports[0].port = 80
        spec.ports[0].protocol = "TCP"
        spec.ports[0].targetPort = 80
        spec.ports[1].name = "p"
        spec.ports[1].port = 81
        spec.ports[1].protocol = "TCP"
        spec.ports[1].targetPort = "web"
        spec.selector.a = "b"
        spec.sessionAffinity = "None"
        spec.type = "ClusterIP"
        status.loadBalancer = {}
    "#]]
    .assert_eq(&c.flat(&made));
    expect![[r#"
        conformance Update v1 -
          {"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}},"k:{\"port\":81,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:sessionAffinity":{},"f:type":{}}}
    "#]].assert_eq(&c.owners(&made));
    let body = json!({"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "ports": [{"port": 80}]}});
    let reply = c.create(&c.core("services"), &body).await;
    expect![[r#"
        201
        apiVersion = "v1"
        kind = "Service"
        metadata.creationTimestamp = "TIME"
        metadata.name = "h"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.clusterIP = "None"
        spec.clusterIPs[0] = "None"
        spec.internalTrafficPolicy = "Cluster"
        spec.ipFamilies[0] = "IPv4"
        spec.ipFamilies[1] = "IPv6"
        spec.ipFamilyPolicy = "RequireDualStack"
        spec.ports[0].port = 80
        spec.ports[0].protocol = "TCP"
        spec.ports[0].targetPort = 80
        spec.publishNotReadyAddresses = true
        spec.sessionAffinity = "None"
        spec.type = "ClusterIP"
        status.loadBalancer = {}
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_pod_gets_defaults(c: Context) {
    let body = json!({"metadata": {"name": "p"}, "spec": {
        "containers": [{
            "name": "c", "image": "img:1", "ports": [{"containerPort": 80, "name": "web"}],
            "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "readinessProbe": {"httpGet": {"path": "/", "port": "web"}},
            "resources": {"limits": {"memory": "1Gi"}},
        }, {"name": "d", "image": "img"}],
        "volumes": [{"name": "cm", "configMap": {"name": "x"}}, {"name": "s", "secret": {"secretName": "y"}}, {"name": "e", "emptyDir": {}},
            {"name": "h", "hostPath": {"path": "/tmp"}}],
        "automountServiceAccountToken": false,
    }});
    let reply = c.create(&c.core("pods"), &body).await;
    expect![[r#"
        201
        apiVersion = "v1"
        kind = "Pod"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "p"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.automountServiceAccountToken = false
        spec.containers[0].env[0].name = "IP"
        spec.containers[0].env[0].valueFrom.fieldRef.apiVersion = "v1"
        spec.containers[0].env[0].valueFrom.fieldRef.fieldPath = "status.podIP"
        spec.containers[0].image = "img:1"
        spec.containers[0].imagePullPolicy = "IfNotPresent"
        spec.containers[0].name = "c"
        spec.containers[0].ports[0].containerPort = 80
        spec.containers[0].ports[0].name = "web"
        spec.containers[0].ports[0].protocol = "TCP"
        spec.containers[0].readinessProbe.failureThreshold = 3
        spec.containers[0].readinessProbe.httpGet.path = "/"
        spec.containers[0].readinessProbe.httpGet.port = "web"
        spec.containers[0].readinessProbe.httpGet.scheme = "HTTP"
        spec.containers[0].readinessProbe.periodSeconds = 10
        spec.containers[0].readinessProbe.successThreshold = 1
        spec.containers[0].readinessProbe.timeoutSeconds = 1
        spec.containers[0].resources.limits.memory = "1Gi"
        spec.containers[0].resources.requests.memory = "1Gi"
        spec.containers[0].terminationMessagePath = "/dev/termination-log"
        spec.containers[0].terminationMessagePolicy = "File"
        spec.containers[1].image = "img"
        spec.containers[1].imagePullPolicy = "Always"
        spec.containers[1].name = "d"
        spec.containers[1].resources = {}
        spec.containers[1].terminationMessagePath = "/dev/termination-log"
        spec.containers[1].terminationMessagePolicy = "File"
        spec.dnsPolicy = "ClusterFirst"
        spec.enableServiceLinks = true
        spec.preemptionPolicy = "PreemptLowerPriority"
        spec.priority = 0
        spec.restartPolicy = "Always"
        spec.schedulerName = "default-scheduler"
        spec.securityContext = {}
        spec.serviceAccount = "default"
        spec.serviceAccountName = "default"
        spec.terminationGracePeriodSeconds = 30
        spec.tolerations[0].effect = "NoExecute"
        spec.tolerations[0].key = "node.kubernetes.io/not-ready"
        spec.tolerations[0].operator = "Exists"
        spec.tolerations[0].tolerationSeconds = 300
        spec.tolerations[1].effect = "NoExecute"
        spec.tolerations[1].key = "node.kubernetes.io/unreachable"
        spec.tolerations[1].operator = "Exists"
        spec.tolerations[1].tolerationSeconds = 300
        spec.volumes[0].configMap.defaultMode = 420
        spec.volumes[0].configMap.name = "x"
        spec.volumes[0].name = "cm"
        spec.volumes[1].name = "s"
        spec.volumes[1].secret.defaultMode = 420
        spec.volumes[1].secret.secretName = "y"
        spec.volumes[2].emptyDir = {}
        spec.volumes[2].name = "e"
        spec.volumes[3].hostPath.path = "/tmp"
        spec.volumes[3].hostPath.type = ""
        spec.volumes[3].name = "h"
        status.phase = "Pending"
        status.qosClass = "Burstable"
    "#]]
    .assert_eq(&c.told(&reply));
    expect![[r#"
        conformance Update v1 -
          {"f:spec":{"f:automountServiceAccountToken":{},"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:env":{".":{},"k:{\"name\":\"IP\"}":{".":{},"f:name":{},"f:valueFrom":{".":{},"f:fieldRef":{}}}},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:name":{},"f:protocol":{}}},"f:readinessProbe":{".":{},"f:failureThreshold":{},"f:httpGet":{".":{},"f:path":{},"f:port":{},"f:scheme":{}},"f:periodSeconds":{},"f:successThreshold":{},"f:timeoutSeconds":{}},"f:resources":{".":{},"f:limits":{".":{},"f:memory":{}},"f:requests":{".":{},"f:memory":{}}},"f:terminationMessagePath":{},"f:terminationMessagePolicy":{}},"k:{\"name\":\"d\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:resources":{},"f:terminationMessagePath":{},"f:terminationMessagePolicy":{}}},"f:dnsPolicy":{},"f:enableServiceLinks":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},"f:terminationGracePeriodSeconds":{},"f:volumes":{".":{},"k:{\"name\":\"cm\"}":{".":{},"f:configMap":{".":{},"f:defaultMode":{},"f:name":{}},"f:name":{}},"k:{\"name\":\"e\"}":{".":{},"f:emptyDir":{},"f:name":{}},"k:{\"name\":\"h\"}":{".":{},"f:hostPath":{".":{},"f:path":{},"f:type":{}},"f:name":{}},"k:{\"name\":\"s\"}":{".":{},"f:name":{},"f:secret":{".":{},"f:defaultMode":{},"f:secretName":{}}}}}}
    "#]].assert_eq(&c.owners(&reply.body));
}

async fn a_claim_gets_defaults(c: Context) {
    let body = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}});
    let reply = c.create(&c.core("persistentvolumeclaims"), &body).await;
    expect![[r#"
        201
        apiVersion = "v1"
        kind = "PersistentVolumeClaim"
        metadata.creationTimestamp = "TIME"
        metadata.finalizers[0] = "kubernetes.io/pvc-protection"
        metadata.name = "v"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.accessModes[0] = "ReadWriteOnce"
        spec.resources.requests.storage = "1Gi"
        spec.storageClassName = "none"
        spec.volumeMode = "Filesystem"
        status.phase = "Pending"
    "#]]
    .assert_eq(&c.told(&reply));
    let mut smaller = reply.body.clone();
    smaller["spec"]["accessModes"] = json!(["ReadWriteMany"]);
    let reply = c.put(&c.core("persistentvolumeclaims/v"), &smaller).await;
    let told = c.told(&reply);
    assert!(
        told.starts_with("422") && told.contains("spec is immutable after creation"),
        "{told}"
    );
}

async fn a_deployment_gets_defaults(c: Context) {
    let body = json!({"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let reply = c.create(&c.group("apps/v1", "deployments"), &body).await;
    expect![[r#"
        201
        apiVersion = "apps/v1"
        kind = "Deployment"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "d"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.progressDeadlineSeconds = 600
        spec.replicas = 0
        spec.revisionHistoryLimit = 10
        spec.selector.matchLabels.a = "b"
        spec.strategy.rollingUpdate.maxSurge = "25%"
        spec.strategy.rollingUpdate.maxUnavailable = "25%"
        spec.strategy.type = "RollingUpdate"
        spec.template.metadata.labels.a = "b"
        spec.template.spec.containers[0].image = "i"
        spec.template.spec.containers[0].imagePullPolicy = "Always"
        spec.template.spec.containers[0].name = "c"
        spec.template.spec.containers[0].resources = {}
        spec.template.spec.containers[0].terminationMessagePath = "/dev/termination-log"
        spec.template.spec.containers[0].terminationMessagePolicy = "File"
        spec.template.spec.dnsPolicy = "ClusterFirst"
        spec.template.spec.restartPolicy = "Always"
        spec.template.spec.schedulerName = "default-scheduler"
        spec.template.spec.securityContext = {}
        spec.template.spec.terminationGracePeriodSeconds = 30
        status = {}
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_secret_takes_plain_text(c: Context) {
    let reply = c.create(&c.core("secrets"), &json!({"metadata": {"name": "s"}, "stringData": {"k": "plain"}, "data": {"l": "bA=="}})).await;
    expect![[r#"
        201
        apiVersion = "v1"
        data.k = "cGxhaW4="
        data.l = "bA=="
        kind = "Secret"
        metadata.creationTimestamp = "TIME"
        metadata.name = "s"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        type = "Opaque"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("secrets"),
            &json!({"metadata": {"name": "t"}, "data": {"l": "not base64"}}),
        )
        .await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 3"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c
        .merge_patch(&c.core("secrets/s"), &json!({"type": "Other"}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "type"
        details.causes[0].message = "Invalid value: \"Other\": field is immutable"
        details.causes[0].reason = "FieldValueInvalid"
        details.kind = "Secret"
        details.name = "s"
        kind = "Status"
        message = "Secret \"s\" is invalid: type: Invalid value: \"Other\": field is immutable"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
    let reply = c
        .create(
            &c.core("secrets"),
            &json!({"metadata": {"name": "u"}, "data": {"not/a/key": "bA=="}}),
        )
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "data[not/a/key]"
        details.causes[0].message = "Invalid value: \"not/a/key\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        details.causes[0].reason = "FieldValueInvalid"
        details.kind = "Secret"
        details.name = "u"
        kind = "Status"
        message = "Secret \"u\" is invalid: data[not/a/key]: Invalid value: \"not/a/key\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    let reply = c.create(&c.core("secrets"), &json!({"metadata": {"name": "u"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "bA=="}})).await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "data[tls.key]"
        details.causes[0].message = "Required value"
        details.causes[0].reason = "FieldValueRequired"
        details.kind = "Secret"
        details.name = "u"
        kind = "Status"
        message = "Secret \"u\" is invalid: data[tls.key]: Required value"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn a_secret_and_a_config_map_can_be_immutable(c: Context) {
    c.create(
        &c.core("secrets"),
        &json!({"metadata": {"name": "s"}, "immutable": true, "data": {"l": "bA=="}}),
    )
    .await
    .ok();
    let reply = c
        .merge_patch(&c.core("secrets/s"), &json!({"data": {"l": "bQ=="}}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "data"
        details.causes[0].message = "Forbidden: field is immutable when `immutable` is set"
        details.causes[0].reason = "FieldValueForbidden"
        details.kind = "Secret"
        details.name = "s"
        kind = "Status"
        message = "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
    c.create(
        &c.core("configmaps"),
        &json!({"metadata": {"name": "s"}, "immutable": true, "data": {"l": "x"}}),
    )
    .await
    .ok();
    let reply = c
        .merge_patch(&c.core("configmaps/s"), &json!({"data": {"l": "y"}}))
        .await;
    expect![[r#"
        422
        apiVersion = "v1"
        code = 422
        details.causes[0].field = "data"
        details.causes[0].message = "Forbidden: field is immutable when `immutable` is set"
        details.causes[0].reason = "FieldValueForbidden"
        details.kind = "ConfigMap"
        details.name = "s"
        kind = "Status"
        message = "ConfigMap \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
        metadata = {}
        reason = "Invalid"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}

async fn a_pods_spec_is_immutable(c: Context) {
    let body = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "img:1"}], "automountServiceAccountToken": false}});
    c.create(&c.core("pods"), &body).await.ok();
    let reply = c
        .strategic_patch(
            &c.core("pods/p"),
            &json!({"spec": {"containers": [{"name": "c", "image": "img:2"}]}}),
        )
        .await;
    assert_eq!(
        reply.ok()["spec"]["containers"][0]["image"],
        "img:2",
        "the image may change"
    );
    let reply = c
        .strategic_patch(
            &c.core("pods/p"),
            &json!({"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "b"}]}]}}),
        )
        .await;
    assert_eq!(reply.code, 422);
    let message = reply.body["message"]
        .as_str()
        .unwrap_or("")
        .lines()
        .next()
        .unwrap_or("")
        .to_owned();
    expect![[r#"Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"#]].assert_eq(&message);
    let cause = &reply.body["details"]["causes"][0];
    assert_eq!(
        (cause["reason"].as_str(), cause["field"].as_str()),
        (Some("FieldValueForbidden"), Some("spec"))
    );
}

async fn a_service_keeps_its_address(c: Context) {
    let made = c
        .create(
            &c.core("services"),
            &json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}),
        )
        .await
        .ok();
    let reply = c
        .put(
            &c.core("services/s"),
            &json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 81}]}}),
        )
        .await
        .ok();
    assert_eq!(reply["spec"]["clusterIP"], made["spec"]["clusterIP"]);
    let mut moved = reply.clone();
    moved["spec"]["clusterIP"] = json!("10.96.99.99");
    moved["spec"]["clusterIPs"] = json!(["10.96.99.99"]);
    let reply = c.put(&c.core("services/s"), &moved).await;
    let causes = c.flat(&reply.body["details"]["causes"]);
    expect![[r#"
        [0].field = "spec.clusterIPs[0]"
        [0].message = "Invalid value: [\"10.96.99.99\"]: may not change once set"
        [0].reason = "FieldValueInvalid"
    "#]]
    .assert_eq(&causes);
}

async fn a_namespace_gets_a_label_and_a_finalizer(c: Context) {
    let read = c
        .eventually(&format!("/api/v1/namespaces/{}", c.ns), |reply| {
            reply.code == 200
        })
        .await
        .ok();
    expect![[r#"
        apiVersion = "v1"
        kind = "Namespace"
        metadata.creationTimestamp = "TIME"
        metadata.labels.kubernetes.io/metadata.name = "NS"
        metadata.name = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.finalizers[0] = "kubernetes"
        status.phase = "Active"
    "#]]
    .assert_eq(&c.flat(&read));
}

async fn a_budget_and_a_role_and_a_network_policy(c: Context) {
    let body = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    let mut made = c
        .create(&c.group("policy/v1", "poddisruptionbudgets"), &body)
        .await
        .ok();
    made.as_object_mut().expect("an object").remove("status");
    expect![[r#"
        apiVersion = "policy/v1"
        kind = "PodDisruptionBudget"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "b"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.minAvailable = 1
        spec.selector.matchLabels.a = "b"
    "#]]
    .assert_eq(&c.flat(&made));
    let body = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]});
    let reply = c
        .create(&c.group("rbac.authorization.k8s.io/v1", "roles"), &body)
        .await;
    expect![[r#"
        201
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind = "Role"
        metadata.creationTimestamp = "TIME"
        metadata.name = "r"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        rules[0].apiGroups[0] = ""
        rules[0].resources[0] = "nodes"
        rules[0].verbs[0] = "get"
    "#]]
    .assert_eq(&c.told(&reply));
    let body = json!({"metadata": {"name": "n"}, "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 9090}]}]}});
    let reply = c
        .create(&c.group("networking.k8s.io/v1", "networkpolicies"), &body)
        .await;
    expect![[r#"
        201
        apiVersion = "networking.k8s.io/v1"
        kind = "NetworkPolicy"
        metadata.creationTimestamp = "TIME"
        metadata.generation = 1
        metadata.name = "n"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        spec.ingress[0].ports[0].port = 9090
        spec.ingress[0].ports[0].protocol = "TCP"
        spec.podSelector = {}
        spec.policyTypes[0] = "Ingress"
    "#]]
    .assert_eq(&c.told(&reply));
    let body = json!({"metadata": {"name": "rb"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "y"}]});
    let reply = c
        .create(
            &c.group("rbac.authorization.k8s.io/v1", "rolebindings"),
            &body,
        )
        .await;
    expect![[r#"
        201
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind = "RoleBinding"
        metadata.creationTimestamp = "TIME"
        metadata.name = "rb"
        metadata.namespace = "NS"
        metadata.resourceVersion = "RV"
        metadata.uid = "UID"
        roleRef.apiGroup = "rbac.authorization.k8s.io"
        roleRef.kind = "Role"
        roleRef.name = "r"
        subjects[0].kind = "ServiceAccount"
        subjects[0].name = "x"
        subjects[0].namespace = "y"
    "#]]
    .assert_eq(&c.told(&reply));
}

async fn quantities_become_canonical(c: Context) {
    let mut got = Vec::new();
    for (at, given) in [
        "1000m", "1.5", "0.5Gi", "2048Ki", "1e3", "100", "1000000", "0.1", "1024Mi",
    ]
    .iter()
    .enumerate()
    {
        let body = json!({"metadata": {"name": format!("p{at}")}, "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": given}}}], "automountServiceAccountToken": false}});
        let made = c.create(&c.core("pods"), &body).await.ok();
        got.push(format!(
            "{given} {}",
            made["spec"]["containers"][0]["resources"]["limits"]["cpu"]
        ));
    }
    expect![[r#"
        1000m "1"
        1.5 "1500m"
        0.5Gi "512Mi"
        2048Ki "2Mi"
        1e3 "1e3"
        100 "100"
        1000000 "1M"
        0.1 "100m"
        1024Mi "1Gi""#]]
    .assert_eq(&got.join("\n"));
    let body = json!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "many"}}}]}});
    let reply = c.create(&c.core("pods"), &body).await;
    expect![[r#"
        400
        apiVersion = "v1"
        code = 400
        kind = "Status"
        message = "Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        metadata = {}
        reason = "BadRequest"
        status = "Failure"
    "#]].assert_eq(&c.told(&reply));
}
