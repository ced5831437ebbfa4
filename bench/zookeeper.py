#!/usr/bin/env python3
"""`klamm zookeeper` beside Apache ZooKeeper and beside bare etcd, in one run, all with fsync on the same disk.

Reads and writes by Apache's own Java client; 500 sessions with 100 watches each; Kafka 3.9 with 2,000 partitions:
creating them, starting on them, failing over. Raw etcd transactions go through its JSON gateway, which costs etcd some
tenths of a millisecond more than gRPC would: the comparison favours us by that much.

bench/zookeeper.py [--seconds 10] [--partitions 2000] [--only read,write,watch,kafka]     needs target/release/klamm,
or the one that KLAMM_PROGRAM names
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KLAMM = Path(os.environ.get("KLAMM_PROGRAM", ROOT / "target/release/klamm"))
CLIENTS = ROOT / "tests/zookeeper/clients"
LIMIT_S = 900
KAFKA = "3.9.2"


def wait_for(what, ready, limit=LIMIT_S, pause=0.05):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(pause)
    sys.exit(f"{what} did not happen within {limit} s")


def word(address, text):
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2) as connection:
            connection.sendall(text.encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer.decode()
    except OSError:
        return ""


class Bench:
    def __init__(self, work):
        self.work = work
        self.running = []
        self.figures = []
        line = subprocess.run([KLAMM, "runtime", "prepare", KAFKA], check=True, capture_output=True, text=True).stdout
        self.kafka = Path(line.split(" is ready in ")[1].split(" (")[0])
        libs = ROOT / "target/cache/zookeeper-clients/libs"
        if not libs.is_dir():
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            command = ["mvn", "-B", "-q", "-f", CLIENTS / "pom.xml", goal, f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
            subprocess.run(command, check=True)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", CLIENTS / "SHA256SUMS"], cwd=libs, check=True)
        self.jars = f"{libs}/*"
        self.classes = work / "classes"
        subprocess.run(["javac", "-cp", self.jars, "-d", self.classes, CLIENTS / "Load.java"], check=True)

    def start(self, name, command, **variables):
        log = open(self.work / f"{name}.log", "ab")
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, env={**os.environ, **variables})
        self.running.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        process.send_signal(how)
        process.wait()
        self.running.remove(process)

    def stop_all(self):
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()
        self.running = []

    def clear(self):
        """Ends everything and forgets its data, so that what comes next starts as its peer does."""
        self.stop_all()
        for path in self.work.glob("*"):
            if path.is_dir() and path != self.classes:
                shutil.rmtree(path)

    def load(self, *arguments):
        command = ["java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{self.classes}:{self.jars}", "Load"]
        output = subprocess.run([*command, *map(str, arguments)], check=True, capture_output=True, text=True)
        return float(output.stdout.split()[-1])

    def etcd(self):
        url, peer = "http://127.0.78.1:2379", "http://127.0.78.1:2380"
        find = subprocess.run([ROOT / "tests/apiserver/build.sh", "--find"], capture_output=True, text=True)
        built = Path(find.stdout.strip() or "/nowhere") / "etcd"
        program = built if built.is_file() else shutil.which("etcd") or "/usr/bin/etcd"
        flags = [f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}"]
        flags += [f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}", "--log-level=error"]
        # As docs/zookeeper.md asks for; and room for what a run writes.
        flags += ["--auto-compaction-mode=periodic", "--auto-compaction-retention=5m", f"--quota-backend-bytes={8 << 30}"]
        process = self.start("etcd", [program, f"--data-dir={self.work}/etcd", *flags])
        wait_for("etcd", lambda: "true" in self.health(url), 60)
        return url, process

    @staticmethod
    def health(url):
        return subprocess.run(["curl", "-s", f"{url}/health"], capture_output=True, text=True).stdout

    def gateway(self, url):
        address = "127.0.78.2:2181"
        process = self.start("klamm", [KLAMM, "zookeeper", "--etcd", url, "--listen", address, "--max-client-connections", 0])
        wait_for("klamm zookeeper", lambda: "Mode:" in word(address, "srvr"), 60)
        return address, process

    def zookeeper(self):
        address = "127.0.78.3:2181"
        configuration = self.work / "zookeeper.properties"
        configuration.write_text(
            f"dataDir={self.work}/zookeeper\nclientPort=2181\nclientPortAddress=127.0.78.3\nadmin.enableServer=false\n"
            "4lw.commands.whitelist=*\nmaxClientCnxns=0\n"
        )
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        java = ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", self.jars, main, configuration]
        process = self.start("zookeeper", java)
        wait_for("Apache ZooKeeper", lambda: "Mode:" in word(address, "srvr"), 60)
        return address, process

    def tell(self, name, ours, theirs, unit, peer="ZooKeeper"):
        ratio = ours / theirs if theirs else float("nan")
        print(f"{name:44} klamm {ours:>9.6g} {unit}   {peer} {theirs:>9.6g} {unit}   ratio {ratio:.2f}", flush=True)


def resident_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def read_and_write(bench, wanted, seconds):
    url, _ = bench.etcd()
    ours, our_process = bench.gateway(url)
    theirs, their_process = bench.zookeeper()
    if "read" in wanted:
        for clients, in_flight in ((1, 10), (50, 10)):
            name = f"read: {clients} clients, {in_flight} in flight"
            bench.load("read", ours, clients, in_flight, 2), bench.load("read", theirs, clients, in_flight, 2)
            rates = [bench.load("read", address, clients, in_flight, seconds) for address in (ours, theirs)]
            bench.tell(name, *rates, "/s")
    if "write" in wanted:
        for clients, in_flight in ((1, 1), (1, 10), (50, 1), (50, 10)):
            for kind in ("create", "set"):
                name = f"{kind}: {clients} clients, {in_flight} in flight"
                rates = [bench.load(kind, address, clients, in_flight, seconds) for address in (ours, theirs)]
                bench.tell(name, *rates, "/s")
                if in_flight == 1:
                    bench.tell(name, rates[0], bench.load("etcd", url, clients, 1, seconds), "/s", "bare etcd")
    if "watch" in wanted:
        for sessions, watches in ((500, 100),):
            used = []
            for address, process in ((ours, our_process), (theirs, their_process)):
                before = resident_mb(process)
                command = ["java", "-Xmx1g", "-Xss256k", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
                command += ["-cp", f"{bench.classes}:{bench.jars}", "Load", "watch", address, str(sessions), str(watches), "20"]
                holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                holder.stdout.readline()
                used.append((resident_mb(process), resident_mb(process) - before))
                holder.kill()
                holder.wait()
            bench.tell(f"memory: {sessions} sessions, {watches} watches each", used[0][0], used[1][0], "MB")
            print(f"{'':44} of which for them: klamm {used[0][1]:.0f} MB, ZooKeeper {used[1][1]:.0f} MB")
        herd = [bench.load("herd", address, 500, 100, 20) for address in (ours, theirs)]
        bench.tell("20 changes heard by 500 sessions", *herd, "s")
    bench.clear()


class Brokers:
    def __init__(self, bench, side, zookeeper):
        self.bench, self.side, self.zookeeper = bench, side, zookeeper
        self.processes = {}

    def address(self, number):
        return f"127.0.78.{10 + number}:9092"

    def start(self, number):
        home = self.bench.work / f"{self.side}-{number}"
        home.mkdir(exist_ok=True)
        address = self.address(number)
        (home / "server.properties").write_text(
            f"broker.id={number}\nlisteners=PLAINTEXT://{address}\nlog.dirs={home}/data\nzookeeper.connect={self.zookeeper}\n"
            "log.cleaner.dedupe.buffer.size=2097152\nlog.index.size.max.bytes=4096\nlog.segment.bytes=1048576\n"
            "zookeeper.session.timeout.ms=6000\noffsets.topic.num.partitions=3\nnum.recovery.threads.per.data.dir=2\n"
        )
        (home / "log").unlink(missing_ok=True)
        (home / "log4j.properties").write_text(
            "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.FileAppender\n"
            f"log4j.appender.out.File={home}/log\nlog4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n"
        )
        java = ["java", "-Xmx768m", "-XX:+UseSerialGC", f"-Dlog4j.configuration=file:{home}/log4j.properties"]
        java += ["-cp", f"{self.bench.kafka}/libs/*", "kafka.Kafka", home / "server.properties"]
        self.processes[number] = self.bench.start(f"{self.side}-{number}", java)

    def started(self, number):
        log = self.bench.work / f"{self.side}-{number}" / "log"
        return log.is_file() and f"[KafkaServer id={number}] started" in log.read_text(errors="replace")

    def tool(self, name, *arguments):
        command = [self.bench.kafka / "bin" / f"kafka-{name}.sh", "--bootstrap-server", self.address(1), *arguments]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True)

    def unavailable(self):
        """Partitions whose leader is not there; none known means not yet."""
        told = self.tool("topics", "--describe", "--unavailable-partitions")
        return told.stdout.count("Partition:") if told.returncode == 0 else -1

    def behind(self):
        told = self.tool("topics", "--describe", "--under-replicated-partitions")
        return told.stdout.count("Partition:") if told.returncode == 0 else -1


def kafka(bench, partitions):
    results = {}
    for side in ("klamm", "zookeeper"):
        if side == "klamm":
            url, _ = bench.etcd()
            address, _ = bench.gateway(url)
        else:
            address, _ = bench.zookeeper()
        brokers = Brokers(bench, side, address + "/bench")
        for number in range(3):
            brokers.start(number)
        wait_for("three brokers", lambda: all(brokers.started(number) for number in range(3)))
        times = {}
        begun = time.monotonic()
        made = brokers.tool("topics", "--create", "--topic", "many", "--partitions", str(partitions), "--replication-factor", "3")
        if made.returncode:
            sys.exit(made.stderr)
        wait_for("all partitions in sync", lambda: brokers.behind() == 0)
        times["create"] = time.monotonic() - begun
        begun = time.monotonic()
        bench.stop(brokers.processes[0], signal.SIGKILL)
        wait_for("leaders without broker 0", lambda: brokers.unavailable() == 0 and brokers.behind() >= partitions)
        times["fail over"] = time.monotonic() - begun
        for number in (1, 2):
            bench.stop(brokers.processes[number], signal.SIGKILL)
        # The sessions of the dead expire first: a broker that is still registered cannot start.
        time.sleep(8)
        begun = time.monotonic()
        for number in range(3):
            brokers.start(number)
        wait_for("three brokers again", lambda: all(brokers.started(number) for number in range(3)))
        wait_for("all partitions in sync again", lambda: brokers.behind() == 0)
        times["start"] = time.monotonic() - begun
        results[side] = times
        bench.clear()
    for what in results["klamm"]:
        bench.tell(f"Kafka, {partitions} partitions: {what}", results["klamm"][what], results["zookeeper"][what], "s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--partitions", type=int, default=2000)
    parser.add_argument("--only", default="read,write,watch,kafka")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if not KLAMM.is_file():
        sys.exit(f"{KLAMM} is missing: cargo build --release -p klamm")
    # What was started goes with us, however we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # On the disk of the repository: /tmp may be memory, where fsync costs nothing.
    (ROOT / "target").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-zookeeper-", dir=ROOT / "target") as directory:
        bench = Bench(Path(directory))
        try:
            if {"read", "write", "watch"} & set(wanted):
                read_and_write(bench, wanted, arguments.seconds)
            if "kafka" in wanted:
                kafka(bench, arguments.partitions)
        finally:
            bench.stop_all()


if __name__ == "__main__":
    main()
