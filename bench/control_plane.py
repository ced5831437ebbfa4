#!/usr/bin/env python3
"""From the exec of `klamm up` in an empty home to the first answer of its API server, beside etcd and kube-apiserver.

Both sides are asked for /readyz over TLS until they answer 200; klamm's first kubeconfig says where.

bench/control_plane.py [ROUNDS]      needs target/release/klamm; the peer is the one that `make apiserver` built
"""

import http.client
import os
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KLAMM = ROOT / "target/release/klamm"
LIMIT_S = 60


def until(what, happened):
    deadline = time.monotonic() + LIMIT_S
    while True:
        found = happened()
        if found:
            return found
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not happen within {LIMIT_S} s")
        time.sleep(0.001)


def is_ready(host, port, context, token=None):
    connection = http.client.HTTPSConnection(host, port, timeout=2, context=context)
    try:
        connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def credentials(kubeconfig):
    """Where the server of a kubeconfig is, whom to trust there, and the token."""
    text = kubeconfig.read_text()

    def value(name):
        return re.search(rf"{name}: *(\S+)", text).group(1)

    context = ssl.create_default_context(cadata=b64decode(value("certificate-authority-data")).decode())
    host, port = re.search(r"https://([0-9.]+):(\d+)", value("server")).groups()
    return host, int(port), context, value("token")


def ours(work):
    home = work / "home"
    environment = {**os.environ, "KLAMM_HOME": str(home)}
    environment.pop("KUBECONFIG", None)
    begun = time.monotonic()
    process = subprocess.Popen([KLAMM, "up"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        kubeconfig = home / "kubeconfig"
        until("the kubeconfig", lambda: kubeconfig.is_file() and "token:" in kubeconfig.read_text())
        place = credentials(kubeconfig)
        until("an answer", lambda: is_ready(*place))
        return time.monotonic() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def peer(work, assets):
    etcd, server = "127.0.79.1", "127.0.79.2"
    logs = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    key = work / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, **logs)
    begun = time.monotonic()
    processes = [
        subprocess.Popen(
            [
                assets / "etcd",
                f"--data-dir={work}/etcd",
                f"--listen-client-urls=http://{etcd}:2379",
                f"--advertise-client-urls=http://{etcd}:2379",
                f"--listen-peer-urls=http://{etcd}:2380",
                f"--initial-advertise-peer-urls=http://{etcd}:2380",
                f"--initial-cluster=default=http://{etcd}:2380",
            ],
            **logs,
        ),
        subprocess.Popen(
            [
                assets / "kube-apiserver",
                f"--etcd-servers=http://{etcd}:2379",
                f"--bind-address={server}",
                "--secure-port=6443",
                f"--cert-dir={work}/certificates",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.0.0.0/24",
            ],
            **logs,
        ),
    ]
    try:
        # Its certificate is its own.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        until("an answer of kube-apiserver", lambda: is_ready(server, 6443, context))
        return time.monotonic() - begun
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    if not KLAMM.is_file():
        sys.exit(f"{KLAMM} is missing: cargo build --release -p klamm")
    find = subprocess.run([ROOT / "tests/apiserver/build.sh", "--find"], capture_output=True, text=True)
    assets = Path(find.stdout.strip() or "/nowhere")
    if not (assets / "kube-apiserver").is_file():
        sys.exit("the peer is missing: make apiserver")
    figures = {"klamm": [], "kube-apiserver": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="klamm-bench-") as directory:
            figures["klamm"].append(ours(Path(directory)))
        with tempfile.TemporaryDirectory(prefix="klamm-bench-") as directory:
            figures["kube-apiserver"].append(peer(Path(directory), assets))
    medians = {side: statistics.median(values) for side, values in figures.items()}
    for side, values in figures.items():
        print(f"{side:15} median {medians[side] * 1000:.0f} ms of [{', '.join(f'{value * 1000:.0f}' for value in values)}]")
    print(f"ratio {medians['klamm'] / medians['kube-apiserver']:.3f}")


if __name__ == "__main__":
    main()
