//! Processes outlive the agent, and the next agent takes them over.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use tokio_util::sync::CancellationToken;

use super::rig::{
    Rig, alive, content, eventually, harness, is_ready, kill, main_status, pid, registry,
};

/// An agent in a process of its own, killed with the test.
struct Outside(Child);

impl Outside {
    fn start(rig: &Rig, kubeconfig: &std::path::Path) -> Self {
        let child = Command::new(harness())
            .arg("agent")
            .args([rig.home.path(), &registry(), kubeconfig])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// As the kernel or a person would: no time to say good-bye.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A control plane that other processes can reach, and where they find it.
async fn reachable() -> (Rig, std::path::PathBuf, tokio_util::sync::DropGuard) {
    let rig = Rig::without_agent().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = rig.home.path().join("kubeconfig");
    std::fs::write(
        &path,
        rig.plane.ours().kubeconfig(listener.local_addr().unwrap()),
    )
    .unwrap();
    let stop = CancellationToken::new();
    let (plane, token) = (rig.plane.ours().clone(), stop.clone());
    tokio::spawn(async move { plane.serve(listener, token).await });
    (rig, path, stop.drop_guard())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agents_pods_run_on_and_are_taken_over() {
    let (rig, kubeconfig, _serving) = reachable().await;
    let agent = Outside::start(&rig, &kubeconfig);
    rig.shell(
        "a",
        "n=0; while :; do n=$((n+1)); echo tick $n; sleep 0.05; done",
    )
    .await;
    rig.shell("stays", "exec sleep 1000").await;
    let pod = rig.ready("a").await;
    let stays = rig.ready("stays").await;
    let main = pid(&rig.container_dir(&pod), 0);
    agent.kill();
    assert!(alive(main));
    let log = rig.container_dir(&pod).join("0/log");
    let before = content(&log).await.lines().count();
    eventually("the log goes on without an agent", async || {
        (content(&log).await.lines().count() > before + 3).then_some(())
    })
    .await;

    let agent = Outside::start(&rig, &kubeconfig);
    // What only a working agent does.
    rig.shell("b", "exec sleep 1000").await;
    rig.ready("b").await;
    assert!(alive(main));
    let pod = rig.get("a").await.unwrap();
    assert_eq!(main_status(&pod)["restartCount"], 0);
    assert!(is_ready(&pod), "what was ready stays ready");
    assert_eq!(
        rig.get("stays").await.unwrap().metadata.resource_version,
        stays.metadata.resource_version,
        "nothing to tell"
    );

    super::rig::kill(main);
    let pod = rig
        .until("a", "restarted", |pod| {
            main_status(pod)["restartCount"] == 1 && is_ready(pod)
        })
        .await;
    assert_eq!(
        main_status(&pod)["lastState"]["terminated"]["exitCode"],
        137,
        "the end of an adopted process is known"
    );
    agent.kill();
    assert!(alive(pid(&rig.container_dir(&pod), 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_or_was_deleted_meanwhile_is_put_right() {
    let (rig, kubeconfig, _serving) = reachable().await;
    let agent = Outside::start(&rig, &kubeconfig);
    for name in ["ends", "deleted", "purged"] {
        rig.shell(name, "exec sleep 1000").await;
    }
    let mut pids = Vec::new();
    for name in ["ends", "deleted", "purged"] {
        let pod = rig.ready(name).await;
        pids.push(pid(&rig.container_dir(&pod), 0));
    }
    agent.kill();
    super::rig::kill(pids[0]);
    let api = rig.api::<Pod>();
    api.delete("deleted", &DeleteParams::default())
        .await
        .unwrap();
    api.delete("purged", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    rig.gone("purged").await;
    assert!(alive(pids[2]));

    let _agent = Outside::start(&rig, &kubeconfig);
    let pod = rig
        .until("ends", "restarted", |pod| {
            main_status(pod)["restartCount"] == 1 && is_ready(pod)
        })
        .await;
    assert_eq!(
        main_status(&pod)["lastState"]["terminated"]["exitCode"],
        137
    );
    rig.gone("deleted").await;
    eventually("only one Pod's processes", async || {
        (!alive(pids[1]) && !alive(pids[2])).then_some(())
    })
    .await;
    eventually("only one Pod's files", async || {
        (std::fs::read_dir(rig.home.path().join("pods"))
            .unwrap()
            .count()
            == 1)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_pods_start_again_with_their_files() {
    let mut rig = Rig::start().await;
    let script = "echo start >> $KLAMM_ROOT/w/starts; exec sleep 1000";
    let spec = serde_json::json!({
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "w", "emptyDir": {}}],
        "initContainers": [{"name": "init", "image": "host:any", "command": ["sh", "-c", "echo init >> $KLAMM_ROOT/w/starts"],
            "volumeMounts": [{"name": "w", "mountPath": "/w"}]}]
    });
    let container = serde_json::json!({"command": ["sh", "-c", script], "volumeMounts": [{"name": "w", "mountPath": "/w"}]});
    rig.pod("a", spec, container).await;
    let pod = rig.ready("a").await;
    rig.stop_agent().await;
    assert_eq!(rig.home.processes(), Vec::<i32>::new());
    let stopped = rig.get("a").await.unwrap();
    assert!(!is_ready(&stopped), "a stopped Pod does not look ready");
    rig.start_agent(|_| {});
    let again = rig
        .until("a", "ready again", |again| {
            is_ready(again) && main_status(again)["containerID"] != main_status(&pod)["containerID"]
        })
        .await;
    assert_eq!(pod.metadata.uid, again.metadata.uid);
    // Ready is the process; its first line comes a little later.
    let starts = rig.container_dir(&pod).join("root/w/starts");
    eventually("both starts with both files", async || {
        (content(&starts).await == "init\nstart\ninit\nstart\n").then_some(())
    })
    .await;
    assert_eq!(
        main_status(&again)["restartCount"],
        0,
        "what was stopped together with the node is no restart"
    );
    kill(pid(&rig.container_dir(&pod), 1));
    rig.until("a", "restarted", |pod| {
        main_status(pod)["restartCount"] == 1 && is_ready(pod)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_leave_its_pods_running() {
    let mut rig =
        Rig::start_with(|settings| settings.on_stop = node_agent::settings::OnStop::LeaveRunning)
            .await;
    rig.shell("a", "exec sleep 1000").await;
    let pod = rig.ready("a").await;
    let main = pid(&rig.container_dir(&pod), 0);
    rig.stop_agent().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(alive(main));
    rig.start_agent(|_| {});
    rig.delete("a").await;
    assert!(!alive(main));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_owner_cannot_be_read_keeps_its_files_and_a_deleted_one_is_still_stopped() {
    let mut rig =
        Rig::start_with(|settings| settings.on_stop = node_agent::settings::OnStop::LeaveRunning)
            .await;
    let spec = serde_json::json!({
        "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "w", "emptyDir": {}}]
    });
    let container = serde_json::json!({
        "command": ["sh", "-c", "echo data >> $KLAMM_ROOT/w/data; exec sleep 1000"],
        "volumeMounts": [{"name": "w", "mountPath": "/w"}]
    });
    let mut pids = Vec::new();
    let mut dirs = Vec::new();
    for name in ["stays", "goes"] {
        rig.pod(name, spec.clone(), container.clone()).await;
        let pod = rig.ready(name).await;
        let dir = rig.container_dir(&pod);
        pids.push(pid(&dir, 0));
        dirs.push(dir);
    }
    rig.stop_agent().await;
    let force = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    rig.api::<Pod>().delete("goes", &force).await.unwrap();
    rig.gone("goes").await;
    for dir in &dirs {
        // As a power cut leaves a file that was never synced.
        std::fs::write(dir.join("../../pod.json"), "").unwrap();
    }
    rig.start_agent(|_| {});
    eventually("what was deleted ends", async || {
        (!alive(pids[1]) && !dirs[1].exists()).then_some(())
    })
    .await;
    rig.until("stays", "ready", is_ready).await;
    assert!(alive(pids[0]), "it was taken over, not started again");
    assert_eq!(content(&dirs[0].join("root/w/data")).await, "data\n");
    rig.delete("stays").await;
}
