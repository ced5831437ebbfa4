//! Starting, probing, crashing, restarting, stopping.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::rig::{Rig, alive, condition, content, eventually, is_ready, main_status, phase, pid};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_bound_runs_and_goes_without_a_trace() {
    let rig = Rig::start().await;
    rig.shell(
        "a",
        "trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.1; done",
    )
    .await;
    let pod = rig.ready("a").await;
    let status = pod.status.clone().unwrap();
    assert_eq!(phase(&pod), "Running");
    assert!(status.pod_ip.unwrap().starts_with("127."));
    assert_eq!(
        pod.spec.as_ref().unwrap().node_name.as_deref(),
        Some("klamm")
    );
    assert!(
        main_status(&pod)["containerID"]
            .as_str()
            .unwrap()
            .starts_with("klamm://")
    );
    let node = Api::<Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap();
    let ready = node
        .status
        .unwrap()
        .conditions
        .unwrap()
        .into_iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert_eq!(ready.status, "True");
    for reason in ["Scheduled", "Pulled", "Created", "Started"] {
        rig.event("a", reason).await;
    }
    let log = rig.container_dir(&pod).join("0/log");
    assert!(content(&log).await.ends_with("stdout F hello\n"));
    let main = pid(&rig.container_dir(&pod), 0);
    assert!(alive(main));
    rig.delete("a").await;
    assert!(!alive(main));
    assert_eq!(rig.home.processes(), Vec::<i32>::new());
    assert!(!rig.container_dir(&pod).exists());
    rig.event("a", "Killing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_clean_and_complete() {
    let rig = Rig::start().await;
    let container = json!({
        "command": ["sh", "-c", "env > $KLAMM_ROOT/out/env.tmp; mv $KLAMM_ROOT/out/env.tmp $KLAMM_ROOT/out/env; sleep 1000"],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "URL", "value": "http://$(POD_IP):80"}
        ],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}]
    });
    rig.pod(
        "a",
        json!({"volumes": [{"name": "out", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    let pod = rig.ready("a").await;
    let text = content(&rig.container_dir(&pod).join("root/out/env")).await;
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    let ip = pod.status.as_ref().unwrap().pod_ip.clone().unwrap();
    assert!(text.contains(&format!("URL=http://{ip}:80\n")), "{text}");
    assert!(
        text.contains("KLAMM_ADDRESS=pod-ip\n") && text.contains("HOSTNAME=a\n"),
        "{text}"
    );
    for name in &names {
        let known = name.starts_with("KLAMM_")
            || [
                "PATH",
                "HOME",
                "LANG",
                "JAVA_HOME",
                "HOSTNAME",
                "POD_IP",
                "URL",
                "PWD",
                "OLDPWD",
                "SHLVL",
                "_",
            ]
            .contains(name);
        assert!(known, "{name} has no business in a container");
    }
    assert!(!names.contains(&"CARGO_MANIFEST_DIR"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashing_container_starts_again_at_once_and_then_waits() {
    let rig = Rig::start().await;
    rig.shell("a", "echo attempt; exit 3").await;
    let pod = rig
        .until("a", "in a crash loop", |pod| {
            main_status(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        })
        .await;
    let status = main_status(&pod);
    assert_eq!(status["restartCount"], 1, "the first restart does not wait");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(status["lastState"]["terminated"]["reason"], "Error");
    assert_eq!(phase(&pod), "Running");
    assert!(!is_ready(&pod));
    rig.event("a", "BackOff").await;
    rig.delete("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_is_replaced_and_its_children_are_gone() {
    let rig = Rig::start().await;
    rig.shell("a", "setsid sleep 1000 & sleep 1000").await;
    let pod = rig.ready("a").await;
    let dir = rig.container_dir(&pod);
    let before = eventually("both sleep", async || {
        Some(rig.home.processes()).filter(|pids| pids.len() >= 4)
    })
    .await;
    super::rig::kill(pid(&dir, 0));
    let pod = rig
        .until("a", "restarted", |pod| {
            main_status(pod)["restartCount"] == 1 && is_ready(pod)
        })
        .await;
    let terminated = &main_status(&pod)["lastState"]["terminated"];
    assert_eq!(
        (
            terminated["exitCode"].as_i64(),
            terminated["signal"].as_i64()
        ),
        (Some(137), Some(9))
    );
    for pid in before {
        assert!(!alive(pid), "{pid} of the first run is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_monitor_takes_its_container_along() {
    let rig = Rig::start().await;
    rig.shell("a", "setsid sleep 1000 & sleep 1000").await;
    let pod = rig.ready("a").await;
    let running: serde_json::Value =
        serde_json::from_slice(&std::fs::read(rig.container_dir(&pod).join("0/running")).unwrap())
            .unwrap();
    let before = eventually("both sleep", async || {
        Some(rig.home.processes()).filter(|pids| pids.len() >= 4)
    })
    .await;
    super::rig::kill(i32::try_from(running["monitor"]["pid"].as_i64().unwrap()).unwrap());
    let pod = rig
        .until("a", "restarted", |pod| {
            main_status(pod)["restartCount"] == 1 && is_ready(pod)
        })
        .await;
    assert_eq!(
        main_status(&pod)["lastState"]["terminated"]["reason"],
        "ContainerStatusUnknown"
    );
    for pid in before {
        assert!(!alive(pid), "{pid} of the first run is still there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_containers_come_first_and_their_files_are_seen() {
    let rig = Rig::start().await;
    let mounts = json!([{"name": "bin", "mountPath": "/opt/tool"}]);
    let script = "printf '#!/bin/sh\\necho from the tool\\nsleep 1000\\n' > $KLAMM_ROOT/opt/tool/run; chmod +x $KLAMM_ROOT/opt/tool/run";
    let init = json!([{"name": "install", "image": "host:any", "command": ["sh", "-c", script], "volumeMounts": mounts}]);
    let spec = json!({"initContainers": init, "volumes": [{"name": "bin", "emptyDir": {}}], "terminationGracePeriodSeconds": 1});
    rig.pod(
        "a",
        spec,
        json!({"command": ["/opt/tool/run"], "volumeMounts": mounts}),
    )
    .await;
    let pod = rig.ready("a").await;
    assert!(
        content(&rig.container_dir(&pod).join("0/log"))
            .await
            .contains("from the tool")
    );
    let init = serde_json::to_value(pod.status.unwrap().init_container_statuses).unwrap();
    assert_eq!(init[0]["state"]["terminated"]["reason"], "Completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_never_restarts_ends() {
    let rig = Rig::start().await;
    for (name, script, end) in [("good", "exit 0", "Succeeded"), ("bad", "exit 4", "Failed")] {
        rig.pod(
            name,
            json!({"restartPolicy": "Never"}),
            json!({"command": ["sh", "-c", script]}),
        )
        .await;
        rig.until(name, end, |pod| phase(pod) == end).await;
    }
    let spec = json!({"restartPolicy": "Never", "initContainers": [
        {"name": "init", "image": "host:any", "command": ["sh", "-c", "exit 9"]}]});
    rig.pod("init", spec, json!({"command": ["sleep", "1000"]}))
        .await;
    let pod = rig
        .until("init", "Failed", |pod| phase(pod) == "Failed")
        .await;
    assert_eq!(
        main_status(&pod)["state"]["waiting"]["reason"],
        "PodInitializing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why() {
    let rig = Rig::start().await;
    rig.pod("image", json!({}), json!({"image": "nginx:1"}))
        .await;
    rig.until("image", "refused", |pod| {
        main_status(pod)["state"]["waiting"]["reason"] == "ErrImagePull"
            && main_status(pod)["state"]["waiting"]["message"]
                .as_str()
                .unwrap()
                .contains("apache/kafka")
    })
    .await;
    rig.pod(
        "program",
        json!({}),
        json!({"command": ["/no/such/program"]}),
    )
    .await;
    rig.until("program", "a start error", |pod| {
        main_status(pod)["lastState"]["terminated"]["reason"] == "StartError"
    })
    .await;
    rig.pod("secret", json!({}), json!({"command": ["true"], "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]})).await;
    let pod = rig
        .until("secret", "missing its secret", |pod| {
            main_status(pod)["state"]["waiting"]["reason"] == "CreateContainerConfigError"
        })
        .await;
    assert_eq!(
        main_status(&pod)["state"]["waiting"]["message"],
        "secret \"s\" not found"
    );
    rig.pod(
        "probe",
        json!({}),
        json!({"command": ["true"], "readinessProbe": {"grpc": {"port": 1}}}),
    )
    .await;
    let pod = rig
        .until("probe", "refused", |pod| phase(pod) == "Failed")
        .await;
    assert!(
        pod.status
            .unwrap()
            .message
            .unwrap()
            .contains("spec.containers[main].readinessProbe.grpc")
    );
    rig.pod("command", json!({}), json!({})).await;
    rig.until("command", "without a command", |pod| {
        main_status(pod)["state"]["waiting"]["reason"] == "CreateContainerError"
    })
    .await;
    for pod in ["image", "program", "secret", "probe", "command"] {
        rig.delete(pod).await;
    }
    rig.pod(
        "labels",
        json!({"nodeSelector": {"disk": "fast"}}),
        json!({"command": ["true"]}),
    )
    .await;
    rig.event("labels", "FailedScheduling: 0/1 nodes are available")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_decide_about_readiness_and_restarts() {
    let rig = Rig::start().await;
    let script = "cd $KLAMM_ROOT/w && exec python3 -m http.server 8080 --bind $IP";
    let container = json!({
        "command": ["sh", "-c", script],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}],
        "startupProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 100},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
        "livenessProbe": {"exec": {"command": ["sh", "-c", "test ! -e $KLAMM_ROOT/w/sick"]}, "periodSeconds": 1, "failureThreshold": 2}
    });
    rig.pod(
        "a",
        json!({"volumes": [{"name": "w", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    let pod = rig
        .until("a", "started", |pod| main_status(pod)["started"] == true)
        .await;
    assert!(!is_ready(&pod));
    let directory = rig.container_dir(&pod).join("root/w");
    std::fs::write(directory.join("ready"), "yes").unwrap();
    rig.ready("a").await;
    std::fs::remove_file(directory.join("ready")).unwrap();
    rig.until("a", "unready", |pod| !is_ready(pod)).await;
    rig.event(
        "a",
        "Readiness probe failed: HTTP probe failed with statuscode: 404",
    )
    .await;
    std::fs::write(directory.join("sick"), "yes").unwrap();
    rig.until("a", "restarted", |pod| {
        main_status(pod)["restartCount"] == 1
    })
    .await;
    rig.event("a", "Liveness probe failed, will be restarted")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_runs_the_hook_then_asks_then_kills() {
    let rig = Rig::start().await;
    let container = json!({
        "command": ["sh", "-c", "trap 'echo term >> $KLAMM_ROOT/w/said' TERM; echo up > $KLAMM_ROOT/w/said; while :; do sleep 0.1; done"],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}],
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> $KLAMM_ROOT/w/said; cp $KLAMM_ROOT/w/said $COPY"]}}},
        "env": [{"name": "COPY", "value": rig.home.path().join("copy").display().to_string()}]
    });
    rig.pod(
        "a",
        json!({"volumes": [{"name": "w", "emptyDir": {}}], "terminationGracePeriodSeconds": 2}),
        container,
    )
    .await;
    let pod = rig.ready("a").await;
    let said = rig.container_dir(&pod).join("root/w/said");
    assert_eq!(content(&said).await, "up\n");
    let main = pid(&rig.container_dir(&pod), 0);
    rig.api::<Pod>()
        .delete("a", &DeleteParams::default())
        .await
        .unwrap();
    eventually("the signal after the hook", async || {
        std::fs::read_to_string(&said)
            .ok()
            .filter(|text| text == "up\nhook\nterm\n")
    })
    .await;
    rig.gone("a").await;
    assert!(!alive(main), "it ignores SIGTERM and is killed");
    assert_eq!(content(&rig.home.path().join("copy")).await, "up\nhook\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_same_name_follows_with_the_same_address() {
    let rig = Rig::start().await;
    rig.shell("a", "exec sleep 1000").await;
    let first = rig.ready("a").await;
    rig.api::<Pod>()
        .delete("a", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    rig.shell("a", "exec sleep 1000").await;
    let second = rig.ready("a").await;
    assert_ne!(first.metadata.uid, second.metadata.uid);
    assert_eq!(first.status.unwrap().pod_ip, second.status.unwrap().pod_ip);
    assert_eq!(rig.home.processes().len(), 2, "a monitor and a program");
}

#[tokio::test(flavor = "multi_thread")]
async fn steady_state_writes_nothing() {
    let rig = Rig::start().await;
    rig.shell("a", "exec sleep 1000").await;
    let pod = rig.ready("a").await;
    rig.event("a", "Started").await;
    let node = Api::<Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap();
    // Looks are forced by changes elsewhere.
    for number in 0..5 {
        rig.pod(
            &format!("other-{number}"),
            json!({"nodeSelector": {"never": "here"}}),
            json!({}),
        )
        .await;
        rig.event(&format!("other-{number}"), "FailedScheduling")
            .await;
    }
    let version = |pod: &Pod| pod.metadata.resource_version.clone();
    assert_eq!(version(&rig.get("a").await.unwrap()), version(&pod));
    let later = Api::<Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap();
    assert_eq!(
        node.metadata.resource_version,
        later.metadata.resource_version
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_stays_below_its_memory_limit() {
    let rig = Rig::start_with(|settings| settings.cgroups = true).await;
    let script = "data = bytearray(256 * 1024 * 1024)\nimport time\ntime.sleep(1000)";
    let container = json!({"command": ["python3", "-c", script], "resources": {"limits": {"memory": "64Mi", "cpu": "1"}}});
    rig.pod(
        "greedy",
        json!({"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    let said = eventually("an end, or that limits are not enforced", async || {
        let events = rig.events("greedy").await;
        if events
            .iter()
            .any(|event| event.starts_with("LimitsNotEnforced"))
        {
            return Some(None);
        }
        rig.get("greedy")
            .await
            .filter(|pod| phase(pod) == "Failed")
            .map(Some)
    })
    .await;
    // Where the machine refuses, the event is what must be there, and it is.
    let Some(pod) = said else { return };
    assert_eq!(
        main_status(&pod)["state"]["terminated"]["reason"],
        "OOMKilled"
    );
    assert_eq!(main_status(&pod)["state"]["terminated"]["exitCode"], 137);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_knows_the_zone_of_its_node() {
    let zone = "topology.kubernetes.io/zone";
    let rig = Rig::start_with(|settings| {
        settings.labels = [(zone, "here"), ("disk", "fast")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    })
    .await;
    let field = format!("metadata.labels['{zone}']");
    let container = json!({
        "command": ["sh", "-c", "echo $ZONE > $KLAMM_ROOT/out/zone; exec sleep 1000"],
        "env": [{"name": "ZONE", "valueFrom": {"fieldRef": {"fieldPath": field}}}],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}]
    });
    rig.pod(
        "a",
        json!({"volumes": [{"name": "out", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    let pod = rig.ready("a").await;
    let labels = pod.metadata.labels.clone().unwrap();
    assert_eq!(labels.get(zone).map(String::as_str), Some("here"));
    assert_eq!(labels.get("disk"), None, "only where it is");
    let written = content(&rig.container_dir(&pod).join("root/out/zone")).await;
    assert_eq!(written, "here\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_fits_nowhere_says_why() {
    let rig = Rig::start().await;
    let spec = json!({"nodeSelector": {"disk": "fast"}});
    rig.pod("a", spec, json!({"command": ["sleep", "1000"]}))
        .await;
    let pod = rig
        .until("a", "refused", |pod| {
            condition(pod, "PodScheduled").as_deref() == Some("False")
        })
        .await;
    let conditions = pod.status.unwrap().conditions.unwrap();
    assert_eq!(
        (
            conditions[0].reason.as_deref(),
            conditions[0].message.as_deref()
        ),
        (
            Some("Unschedulable"),
            Some("0/1 nodes are available: 1 node(s) didn't match Pod's node selector disk=fast")
        )
    );
    rig.event("a", "FailedScheduling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_node_takes_no_pod_until_it_is_uncordoned() {
    let rig = Rig::start().await;
    let nodes = Api::<Node>::all(rig.client.clone());
    let cordon = async |closed: bool| {
        let patch = json!({"spec": {"unschedulable": closed}});
        nodes
            .patch("klamm", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    };
    rig.shell("before", "exec sleep 1000").await;
    rig.ready("before").await;
    cordon(true).await;
    rig.shell("a", "exec sleep 1000").await;
    let pod = rig
        .until("a", "refused", |pod| {
            condition(pod, "PodScheduled").as_deref() == Some("False")
        })
        .await;
    let conditions = pod.status.unwrap().conditions.unwrap();
    assert_eq!(
        conditions[0].message.as_deref(),
        Some("0/1 nodes are available: 1 node(s) were unschedulable (kubectl uncordon)")
    );
    assert!(is_ready(&rig.get("before").await.unwrap()), "it stays");
    cordon(false).await;
    rig.ready("a").await;
}
