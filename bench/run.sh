#!/usr/bin/env bash
# Every measurement, side by side with its peer, as ratios. Figures of the last run: docs/figures.md.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "== start: klamm up against the same three JVMs started bare"
bench/start.py "${ROUNDS:-5}"
echo "== memory: resident, in steady state"
bench/memory.py
echo "== zookeeper: klamm zookeeper on etcd against Apache ZooKeeper and against bare etcd"
bench/zookeeper.py
