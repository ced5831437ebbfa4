//! `kubectl logs` and `kubectl exec`, through the control plane to the kubelet endpoint.

use futures::{AsyncBufReadExt as _, SinkExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, LogParams, TerminalSize};
use kube::{Client, Config};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::rig::{Rig, main_status};

/// Exec needs a connection that can be upgraded: the control plane on a socket.
async fn connected(rig: &Rig) -> (Api<Pod>, DropGuard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kubeconfig = rig.plane.ours().kubeconfig(listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let (plane, token) = (rig.plane.ours().clone(), stop.clone());
    tokio::spawn(async move { plane.serve(listener, token).await });
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&kubeconfig).unwrap();
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
            .await
            .unwrap();
    let client = Client::try_from(config).unwrap();
    (
        Api::namespaced(client, super::rig::NAMESPACE),
        stop.drop_guard(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_come_whole_in_part_and_as_they_are_written() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    rig.shell("a", "for n in 1 2 3 4 5; do echo line $n; done; sleep 1; echo to stderr >&2; while [ ! -e $KLAMM_ROOT/go ]; do sleep 0.05; done; echo last; exec sleep 1000").await;
    let pod = rig.ready("a").await;
    let all = super::rig::eventually("all lines", async || {
        let text = pods.logs("a", &LogParams::default()).await.unwrap();
        text.contains("to stderr").then_some(text)
    })
    .await;
    assert!(all.starts_with("line 1\nline 2\n"), "{all}");
    let tail = pods
        .logs(
            "a",
            &LogParams {
                tail_lines: Some(2),
                timestamps: true,
                ..LogParams::default()
            },
        )
        .await
        .unwrap();
    let (first, text) = tail.lines().next().unwrap().split_once(' ').unwrap();
    first.parse::<jiff::Timestamp>().unwrap();
    assert_eq!((tail.lines().count(), text), (2, "line 5"));
    let limited = pods
        .logs(
            "a",
            &LogParams {
                limit_bytes: Some(8),
                ..LogParams::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(limited, "line 1\nl");
    let mut lines = pods
        .log_stream(
            "a",
            &LogParams {
                follow: true,
                tail_lines: Some(1),
                ..LogParams::default()
            },
        )
        .await
        .unwrap()
        .lines();
    assert_eq!(
        lines.try_next().await.unwrap().as_deref(),
        Some("to stderr")
    );
    std::fs::write(rig.container_dir(&pod).join("root/go"), "").unwrap();
    assert_eq!(lines.try_next().await.unwrap().as_deref(), Some("last"));
    rig.delete("a").await;
    assert_eq!(
        lines.try_next().await.unwrap(),
        None,
        "following ends with the container"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_the_run_before_are_kept() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    rig.shell("a", "echo run of $KLAMM_CONTAINER_DIR; sleep 0.2; exit 1")
        .await;
    rig.until("a", "restarted", |pod| {
        main_status(pod)["restartCount"] == 1
    })
    .await;
    let previous = pods
        .logs(
            "a",
            &LogParams {
                previous: true,
                ..LogParams::default()
            },
        )
        .await
        .unwrap();
    assert!(previous.trim_end().ends_with("/0"), "{previous}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_inside_with_input_output_and_status() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    let container =
        json!({"command": ["sleep", "1000"], "env": [{"name": "INSIDE", "value": "yes"}]});
    rig.pod("a", json!({"terminationGracePeriodSeconds": 1}), container)
        .await;
    rig.ready("a").await;

    let params = AttachParams::default().stdin(true).stderr(true);
    let mut session = pods
        .exec(
            "a",
            ["sh", "-c", "echo $INSIDE; cat; echo oops >&2; exit 3"],
            &params,
        )
        .await
        .unwrap();
    let mut stdin = session.stdin().unwrap();
    stdin.write_all(b"typed").await.unwrap();
    stdin.shutdown().await.unwrap();
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    let (mut stdout, mut stderr) = (session.stdout().unwrap(), session.stderr().unwrap());
    let (read_out, read_err) = tokio::join!(
        stdout.read_to_string(&mut out),
        stderr.read_to_string(&mut err)
    );
    read_out.unwrap();
    read_err.unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("yes\ntyped", "oops\n"));
    let status = session.take_status().unwrap().await.unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    assert_eq!(
        status.details.unwrap().causes.unwrap()[0]
            .message
            .as_deref(),
        Some("3")
    );

    let mut session = pods
        .exec("a", ["true"], &AttachParams::default())
        .await
        .unwrap();
    assert_eq!(
        session
            .take_status()
            .unwrap()
            .await
            .unwrap()
            .status
            .as_deref(),
        Some("Success")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_has_a_size_and_ends_with_its_reader() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    rig.shell("a", "exec sleep 1000").await;
    rig.ready("a").await;
    let before = rig.home.processes().len();
    let params = AttachParams::interactive_tty();
    let mut session = pods.exec("a", ["sh"], &params).await.unwrap();
    session
        .terminal_size()
        .unwrap()
        .send(TerminalSize {
            width: 123,
            height: 45,
        })
        .await
        .unwrap();
    let mut stdin = session.stdin().unwrap();
    let mut stdout = session.stdout().unwrap();
    let mut text = String::new();
    // The size may arrive after the first question.
    while !text.contains("45 123\r\n") {
        stdin.write_all(b"stty size\n").await.unwrap();
        let mut buffer = [0; 4096];
        let length = stdout.read(&mut buffer).await.unwrap();
        text += &String::from_utf8_lossy(&buffer[..length]);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(rig.home.processes().len() > before);
    session.abort();
    drop((session, stdin, stdout));
    super::rig::eventually("the shell ends", async || {
        (rig.home.processes().len() == before).then_some(())
    })
    .await;
}

/// Where the node says that its kubelet endpoint is.
pub(crate) async fn kubelet(rig: &Rig) -> String {
    let node = Api::<k8s_openapi::api::core::v1::Node>::all(rig.client.clone())
        .get("klamm")
        .await
        .unwrap()
        .status
        .unwrap();
    let port = node
        .daemon_endpoints
        .unwrap()
        .kubelet_endpoint
        .unwrap()
        .port;
    let ip = node
        .addresses
        .unwrap()
        .into_iter()
        .find(|address| address.type_ == "InternalIP")
        .unwrap()
        .address;
    format!("{ip}:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_nothing() {
    let rig = Rig::start().await;
    rig.shell("a", "exec sleep 1000").await;
    rig.ready("a").await;
    let address = kubelet(&rig).await;
    let ask = async |path: &str| {
        let output = tokio::process::Command::new("curl")
            .args([
                "-ks",
                "--max-time",
                "20",
                "-w",
                "%{http_code}",
                "-o",
                "/dev/null",
            ])
            .arg(format!("https://{address}{path}"))
            .output()
            .await
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask("/healthz").await, "200");
    for path in [
        "/pods",
        "/containerLogs/test/a/main",
        "/exec/test/a/main?command=id&output=1",
    ] {
        assert_eq!(ask(path).await, "401", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_a_pod_are_forwarded_both_ways_and_one_that_is_shut_says_so() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    let container = json!({
        "command": ["sh", "-c", "echo hello > page; exec python3 -m http.server 8080 --bind $IP"],
        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    });
    rig.pod(
        "web",
        json!({"terminationGracePeriodSeconds": 1}),
        container,
    )
    .await;
    rig.ready("web").await;
    let mut forwarded = pods.portforward("web", &[8080, 8081]).await.unwrap();
    let mut stream = forwarded.take_stream(8080).unwrap();
    stream
        .write_all(b"GET /page HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.0 200");
    let error = forwarded.take_error(8081).unwrap().await.unwrap();
    assert!(error.contains("error forwarding port 8081"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attaching_says_what_helps_instead() {
    let rig = Rig::start().await;
    let (pods, _serving) = connected(&rig).await;
    rig.shell("a", "exec sleep 1000").await;
    rig.ready("a").await;
    let error = pods.attach("a", &AttachParams::default()).await;
    let error = format!("{:?}", error.err().expect("it cannot be done"));
    assert!(error.contains("400"), "{error}");
    // kube-rs drops the text of a refused upgrade; kubectl shows it.
    let path = "/api/v1/namespaces/test/pods/a/attach?stdout=true";
    let upgrade = http::Request::get(path)
        .header("connection", "Upgrade")
        .header("upgrade", "SPDY/3.1")
        .body(kube::client::Body::empty())
        .unwrap();
    let response = pods.into_client().send(upgrade).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(
        text.contains("kubectl logs -f -n test a -c main") && text.contains("kubectl exec"),
        "{text}"
    );
}
