#!/usr/bin/env python3
"""How long `klamm up` takes, against the same three JVMs started bare.

Both sides run the same command lines on the same files: the bare side takes them from the brokers that klamm started,
with copies of their configuration and empty disks. A side is ready when all three brokers say they are unfenced.
Formatting is timed on both sides. Runs alternate; what counts is the ratio of medians. The bare restart is timed once
more without the archive of class data, which says what that gains.

bench/start.py [ROUNDS]      needs target/release/klamm
"""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KLAMM = ROOT / "target/release/klamm"
STATE_LOG = "var/run/klamm/state.log"
LIMIT_S = 120


def klamm(home, *arguments):
    environment = {**os.environ, "KLAMM_HOME": str(home)}
    environment.pop("KUBECONFIG", None)
    subprocess.run([KLAMM, *arguments], env=environment, check=True, capture_output=True)


def timed(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def brokers(home):
    """The JVMs of a home: command line and environment of each."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().decode().split("\0")[:-1]
            environment = dict(
                pair.split("=", 1) for pair in (entry / "environ").read_bytes().decode().split("\0") if "=" in pair
            )
        except (OSError, UnicodeDecodeError):
            continue
        if "kafka.Kafka" in line and "--parent" not in line and str(home) in " ".join(line):
            found.append((line, environment))
    return sorted(found, key=lambda broker: broker[1]["POD_NAME"])


class Bare:
    """Copies of what three brokers run with, on disks of their own."""

    def __init__(self, home, work):
        self.nodes = []
        for index, (line, environment) in enumerate(brokers(home)):
            root = Path(environment["KLAMM_ROOT"])
            own = work / f"node{index}"
            # All but the disks: its configuration names directories of the container.
            shutil.copytree(root, own, ignore=lambda path, _: ["lib"] if path.endswith("/var") else [])
            (own / "tmp").mkdir(exist_ok=True)
            for name in ("server.properties", "log4j2.properties"):
                path = own / "var/run/klamm" / name
                path.write_text(path.read_text().replace(str(root), str(own)))
            # The names of Services and Pods, which a container has in its /etc/hosts; the file goes with the home.
            shutil.copy(environment["KLAMM_HOSTS_FILE"], own / "hosts")
            line = [part for part in line if not part.startswith("-Djdk.net.hosts.file=")]
            line.insert(1, f"-Djdk.net.hosts.file={own}/hosts")
            text = (own / "var/run/klamm/server.properties").read_text()
            disks = re.search(r"^log\.dirs=(.*)$", text, re.M).group(1).split(",")
            config = (root / "opt/kafka/custom-config/runner.json").read_text()
            self.nodes.append(
                {
                    "own": own,
                    "line": [part.replace(str(root), str(own)) for part in line],
                    "env": environment,
                    "disks": [Path(disk) for disk in disks],
                    "cluster": re.search(r'"clusterId":\s*"([^"]+)"', config).group(1),
                    "metadata": re.search(r'"metadataVersion":\s*"([^"]+)"', config).group(1),
                    "controllers": re.search(r'"initialControllers":\s*"([^"]+)"', config),
                }
            )
        if len(self.nodes) != 3:
            sys.exit(f"expected three brokers, found {len(self.nodes)}")
        self.processes = []

    def empty(self):
        for node in self.nodes:
            for disk in node["disks"]:
                shutil.rmtree(disk, ignore_errors=True)
                disk.parent.mkdir(parents=True, exist_ok=True)

    def format(self):
        tools = []
        for node in self.nodes:
            line = node["line"]
            flags = [part for part in line[1 : line.index("-cp") + 2]]
            command = [
                *[line[0], *flags],
                *["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"],
                *["-t", node["cluster"], "--release-version", node["metadata"]],
                *(["--initial-controllers", node["controllers"].group(1)] if node["controllers"] else ["--no-initial-controllers"]),
                *["-c", str(node["own"] / "var/run/klamm/server.properties")],
            ]
            tools.append(subprocess.Popen(command, env=node["env"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        if any(tool.wait() for tool in tools):
            sys.exit("formatting the bare nodes failed")

    def start(self, archive=True):
        for node in self.nodes:
            (node["own"] / STATE_LOG).unlink(missing_ok=True)
            line = [part for part in node["line"] if archive or not part.startswith(("-XX:SharedArchiveFile", "-Xshare"))]
            self.processes.append(
                subprocess.Popen(line, env=node["env"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
        deadline = time.monotonic() + LIMIT_S
        waiting = list(self.nodes)
        while waiting:
            waiting = [node for node in waiting if not self.ready(node)]
            if time.monotonic() > deadline:
                self.stop()
                sys.exit("the bare brokers did not come up")
            time.sleep(0.02)

    @staticmethod
    def ready(node):
        log = node["own"] / STATE_LOG
        text = log.read_text() if log.is_file() else ""
        return "Transitioning from RECOVERY to RUNNING" in text and "Kafka Server started" in text

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()
        self.processes = []


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if not KLAMM.is_file():
        sys.exit(f"{KLAMM} is missing: cargo build --release -p klamm")
    manifest = str(ROOT / "examples/kafka.yaml")
    figures = {"klamm first": [], "bare first": [], "klamm restart": [], "bare restart": [], "bare without archive": []}
    with tempfile.TemporaryDirectory(prefix="klamm-bench-") as directory:
        work = Path(directory)
        home = work / "home"
        klamm(home, "runtime", "prepare", "4.3.1")
        try:
            for number in range(rounds):
                figures["klamm first"].append(timed(lambda: klamm(home, "up", "--detach", "-f", manifest)))
                bare = Bare(home, work / f"bare{number}")
                klamm(home, "down")
                figures["klamm restart"].append(timed(lambda: klamm(home, "up", "--detach")))
                klamm(home, "down", "--purge")
                bare.empty()
                figures["bare first"].append(timed(lambda bare=bare: (bare.format(), bare.start())))
                bare.stop()
                figures["bare restart"].append(timed(bare.start))
                bare.stop()
                figures["bare without archive"].append(timed(lambda bare=bare: bare.start(archive=False)))
                bare.stop()
                print(f"round {number + 1}: " + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in figures.items()), flush=True)
        finally:
            klamm(home, "down", "--purge")
    for kind in ("first", "restart"):
        ours, bare = (statistics.median(figures[f"{side} {kind}"]) for side in ("klamm", "bare"))
        print(f"{kind:8} klamm {ours:.2f} s   bare {bare:.2f} s   ratio {ours / bare:.2f}")
    with_archive, without = (statistics.median(figures[f"bare {kind}"]) for kind in ("restart", "without archive"))
    print(f"archive  with {with_archive:.2f} s   without {without:.2f} s   ratio {with_archive / without:.2f}")


if __name__ == "__main__":
    main()
