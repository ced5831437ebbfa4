use expect_test::expect;
use serde_json::{Value, json};

use super::{admit_pod, fill, frozen, keep, quality_of_service};

#[test]
fn defaults_add_nothing_that_is_null_and_are_stable() {
    let kinds = [
        ("", "pods"),
        ("", "services"),
        ("", "secrets"),
        ("", "persistentvolumeclaims"),
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
        ("networking.k8s.io", "networkpolicies"),
    ];
    for (group, plural) in kinds {
        let mut object = json!({"metadata": {"name": "x"}});
        fill(group, plural, &mut object);
        assert!(!object.to_string().contains("null"), "{plural}: {object}");
        let once = object.clone();
        fill(group, plural, &mut object);
        assert_eq!(object, once, "{plural}");
    }
}

#[test]
fn a_pod_gets_what_a_kube_apiserver_gives_it() {
    let mut pod = json!({"metadata": {"name": "p"}, "spec": {
        "containers": [{
            "name": "c", "image": "registry:5000/i", "ports": [{"containerPort": 1}],
            "readinessProbe": {"httpGet": {"port": 1}}, "resources": {"limits": {"cpu": "1"}},
            "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }],
        "volumes": [{"name": "e"}, {"name": "s", "secret": {"secretName": "x"}}],
    }});
    fill("", "pods", &mut pod);
    admit_pod(&mut pod);
    let spec = &mut pod["spec"];
    spec.as_object_mut().unwrap().remove("tolerations");
    expect![[r#"
        {
          "containers": [
            {
              "env": [
                {
                  "name": "E",
                  "valueFrom": {
                    "fieldRef": {
                      "apiVersion": "v1",
                      "fieldPath": "metadata.name"
                    }
                  }
                }
              ],
              "image": "registry:5000/i",
              "imagePullPolicy": "Always",
              "name": "c",
              "ports": [
                {
                  "containerPort": 1,
                  "protocol": "TCP"
                }
              ],
              "readinessProbe": {
                "failureThreshold": 3,
                "httpGet": {
                  "path": "/",
                  "port": 1,
                  "scheme": "HTTP"
                },
                "periodSeconds": 10,
                "successThreshold": 1,
                "timeoutSeconds": 1
              },
              "resources": {
                "limits": {
                  "cpu": "1"
                },
                "requests": {
                  "cpu": "1"
                }
              },
              "terminationMessagePath": "/dev/termination-log",
              "terminationMessagePolicy": "File"
            }
          ],
          "dnsPolicy": "ClusterFirst",
          "enableServiceLinks": true,
          "preemptionPolicy": "PreemptLowerPriority",
          "priority": 0,
          "restartPolicy": "Always",
          "schedulerName": "default-scheduler",
          "securityContext": {},
          "serviceAccount": "default",
          "serviceAccountName": "default",
          "terminationGracePeriodSeconds": 30,
          "volumes": [
            {
              "emptyDir": {},
              "name": "e"
            },
            {
              "name": "s",
              "secret": {
                "defaultMode": 420,
                "secretName": "x"
              }
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(spec).unwrap());
}

#[test]
fn quality_of_service_follows_requests_and_limits() {
    let pod = |resources: Value| json!({"spec": {"containers": [{"resources": resources}]}});
    let both = json!({"cpu": "1", "memory": "1Gi"});
    assert_eq!(quality_of_service(&pod(json!({}))), "BestEffort");
    assert_eq!(
        quality_of_service(&pod(json!({"requests": {"cpu": "1"}}))),
        "Burstable"
    );
    assert_eq!(
        quality_of_service(&pod(json!({"requests": both, "limits": both}))),
        "Guaranteed"
    );
}

#[test]
fn an_update_keeps_addresses_and_may_not_change_what_is_fixed() {
    let live = json!({"spec": {"type": "NodePort", "clusterIP": "127.96.0.1", "clusterIPs": ["127.96.0.1"],
        "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30001}]}});
    let mut new = json!({"spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    keep("", "services", &live, &mut new);
    assert_eq!(new["spec"]["clusterIP"], "127.96.0.1");
    assert_eq!(new["spec"]["ports"][0]["nodePort"], 30001);
    new["spec"]["clusterIP"] = "127.96.0.2".into();
    assert_eq!(
        frozen("", "services", &live, &new)[0].field,
        "spec.clusterIPs[0]"
    );

    let pod = json!({"spec": {"containers": [{"name": "c", "image": "a"}], "tolerations": [{"key": "k"}]}});
    let mut image = pod.clone();
    image["spec"]["containers"][0]["image"] = "b".into();
    assert!(frozen("", "pods", &pod, &image).is_empty());
    let mut command = pod.clone();
    command["spec"]["containers"][0]["command"] = json!(["x"]);
    assert_eq!(frozen("", "pods", &pod, &command)[0].field, "spec");

    let secret = json!({"type": "Opaque", "immutable": true, "data": {"k": "djE="}});
    let mut other = secret.clone();
    other["data"]["k"] = "djI=".into();
    assert_eq!(frozen("", "secrets", &secret, &other)[0].field, "data");
}
