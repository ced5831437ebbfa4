#!/usr/bin/env python3
"""Resident memory in steady state of `klamm up` with three brokers, and of each `run-broker` and monitor beside them.

bench/memory.py      needs target/release/klamm
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KLAMM = ROOT / "target/release/klamm"
# Long enough for start-up's garbage to be returned and for several looks to have been made.
SETTLE_S = 30


def klamm(home, *arguments):
    environment = {**os.environ, "KLAMM_HOME": str(home)}
    environment.pop("KUBECONFIG", None)
    subprocess.run([KLAMM, *arguments], env=environment, check=True, capture_output=True)


def resident(pid):
    """VmRSS and its anonymous part, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    value = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Rss") or line.startswith("VmRSS")}
    return int(value["VmRSS"]) / 1024, int(value["RssAnon"]) / 1024


def main():
    if not KLAMM.is_file():
        sys.exit(f"{KLAMM} is missing: cargo build --release -p klamm")
    with tempfile.TemporaryDirectory(prefix="klamm-bench-") as directory:
        home = Path(directory) / "home"
        klamm(home, "up", "--detach", "-f", str(ROOT / "examples/kafka.yaml"))
        try:
            time.sleep(SETTLE_S)
            for entry in sorted(Path("/proc").iterdir(), key=lambda entry: entry.name):
                if not entry.name.isdigit():
                    continue
                try:
                    line = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
                    environment = (entry / "environ").read_bytes().decode()
                except (OSError, UnicodeDecodeError):
                    continue
                if str(home) not in line + environment or " kafka.Kafka " in line and "--parent" not in line:
                    continue
                rss, anonymous = resident(entry.name)
                print(f"{rss:6.1f} MB resident ({anonymous:5.1f} anonymous)  {line[:90]}")
        finally:
            klamm(home, "down", "--purge")


if __name__ == "__main__":
    main()
