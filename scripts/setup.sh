#!/usr/bin/env bash
# Installs what is missing for `make up` (run) or `make test` (test). Says what it does; does nothing twice.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?run or test}

missing=()
need() { # program package
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}
need java openjdk-17-jre-headless
need mvn maven
need cc gcc
need kcat kcat
if [ "$kind" = test ]; then
    need openssl openssl
    need curl curl
    need kubectl kubernetes-client
    need javac openjdk-17-jdk-headless
    # Its service may start on 127.0.0.1:2379; the tests run etcds of their own elsewhere.
    need etcd etcd-server
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing ${missing[*]}"
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: this machine has no apt-get; install these yourself: ${missing[*]}" >&2
        exit 1
    fi
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
if [ "${major:-0}" -lt 17 ]; then
    echo "setup: java is version ${major:-unknown}; Kafka needs 17 or newer (apt-get install openjdk-17-jre-headless, or set JAVA_HOME)" >&2
    exit 1
fi

if [ "$kind" = test ]; then
    venv=.cache/venv
    if ! "$venv/bin/python" -c 'import confluent_kafka, kazoo' 2>/dev/null; then
        echo "setup: Python clients for the tests"
        python3 -m venv "$venv"
        "$venv/bin/pip" install -q --disable-pip-version-check confluent-kafka==2.12.2 kazoo==2.11.0
    fi
fi
