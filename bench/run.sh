#!/usr/bin/env bash
# Every measurement, side by side with its peer, as ratios. Figures of the last run: docs/figures.md.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "== control plane: from exec to the first answer, beside etcd and kube-apiserver"
bench/control_plane.py
echo "== start: klamm up against the same three JVMs started bare"
bench/start.py "${ROUNDS:-5}"
echo "== memory: resident, in steady state"
bench/memory.py
echo "== on a real kube-apiserver: from apply to Pods and to Ready; the operator's memory"
KLAMM_PROGRAM="$PWD/target/release/klamm" cargo test --locked -p e2e --test it -- --ignored --nocapture --test-threads 1 figures
echo "== zookeeper: klamm zookeeper on etcd against Apache ZooKeeper and against bare etcd"
bench/zookeeper.py
