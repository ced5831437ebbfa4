# The front door. `make up` and `make test` need nothing prepared but Rust and a JDK.

CARGO ?= cargo
KLAMM := $(or $(CARGO_TARGET_DIR),target)/release/klamm
TOOLS := .cache/tools
DENY_VERSION := 0.20.2

.PHONY: help up down check test setup setup-run fmt clippy unit doc deny apiserver e2e bench campaign campaign-zookeeper fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

up: setup-run ## set everything up and bring up a real Kafka cluster from examples/kafka.yaml
	$(CARGO) build --release --locked -p klamm
	$(KLAMM) up -f examples/kafka.yaml

down: ## stop it; data stays
	$(KLAMM) down

check: fmt clippy unit ## fast inner loop: format, lints, unit and simulator tests

test: setup fmt clippy apiserver ## everything that CI runs
	$(CARGO) build --locked -p klamm
	KLAMM_REQUIRE_APISERVER=1 $(CARGO) test --locked --workspace --no-fail-fast
	$(MAKE) doc deny

setup-run: ## what `make up` needs: Maven's client, a Java runtime
	@scripts/setup.sh run

setup: ## what `make test` needs as well: kcat, Python clients, Go
	@scripts/setup.sh test

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit:
	$(CARGO) test --locked --workspace --lib --bins -q
	$(CARGO) test --locked -p xtask -p simulator -p resources -p manifests -q

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps -q

deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny check licenses bans sources
	scripts/advisories.sh $(TOOLS)/bin/cargo-deny

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --locked cargo-deny --version $(DENY_VERSION) --root $(TOOLS)

apiserver: ## the real kube-apiserver and etcd that tests compare with, built once
	tests/apiserver/build.sh

e2e: ## only the stories on real Kafka
	$(CARGO) build --locked -p klamm
	$(CARGO) test --locked -p e2e -- --nocapture

campaign: campaign-zookeeper ## long: many seeds in the simulator; every crash point of the operator; ZooKeepers compared
	KLAMM_CAMPAIGN=1 $(CARGO) test --release --locked -p simulator -p operator -- --nocapture

campaign-zookeeper: setup apiserver ## long: a million random requests to `klamm zookeeper` and to Apache ZooKeeper
	$(CARGO) build --release --locked -p klamm
	KLAMM_PROGRAM=$(abspath $(KLAMM)) KLAMM_CHECK_REQUESTS=1000000 $(CARGO) test --release --locked -p reference-zookeeper --test it -- gateway::klamm --nocapture

fuzz: ## long: every parser of outside bytes, a minute each
	scripts/fuzz.sh

bench: setup apiserver ## measurements side by side with a peer, as ratios
	$(CARGO) build --release --locked -p klamm
	bench/run.sh

clean:
	$(CARGO) clean
