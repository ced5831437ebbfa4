#!/bin/sh
# Finds or builds the reference Kubernetes: etcd, kube-apiserver and kube-controller-manager.
#
# Prints the folder that holds them, alone, on stdout; progress goes to stderr.
#   1. $KUBEBUILDER_ASSETS, where it holds all three (the usual download lacks kube-controller-manager)
#   2. ${KLAMM_CACHE:-<repo>/target/cache}/kube-1.34, built there once from their Go modules
#      (about 9 CPU minutes, 0.8 GB of Go modules; a second run, even at the same time, finds the first one's work)
#
# build.sh --find only looks: exit 3 where nothing is there yet.
# KLAMM_GO_JOBS: packages compiled at once (default: go's own choice).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
programs="etcd kube-apiserver kube-controller-manager"
kubernetes=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes v\([0-9.]*\)$|\1|p' "$here/go.mod")
say() { printf 'kube reference: %s\n' "$*" >&2; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    complete=yes
    for program in $programs; do
        [ -x "$KUBEBUILDER_ASSETS/$program" ] || complete=
    done
    if [ -n "$complete" ]; then
        printf '%s\n' "$KUBEBUILDER_ASSETS"
        exit 0
    fi
    say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS does not hold all of: $programs; looking further"
fi

cache=${KLAMM_CACHE:-$here/../../target/cache}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)/kube-1.34
# What is built depends on these files alone.
stamp=$(cd "$here" && cat go.mod go.sum */main.go | cksum | tr ' ' '-')

built() { [ -f "$cache/stamp" ] && [ "$(cat "$cache/stamp")" = "$stamp" ]; }

if built; then
    printf '%s\n' "$cache"
    exit 0
fi
if [ "${1:-}" = --find ]; then
    exit 3
fi
if ! command -v go >/dev/null 2>&1; then
    say "not built yet, and there is no Go (1.24 or newer) to build it with; install Go or set KUBEBUILDER_ASSETS"
    exit 3
fi

mkdir -p "$cache"
# One builder at a time; who waited finds the work done. The lock goes with the process.
exec 9>"$cache/lock"
if ! flock -n 9; then
    say "another build is under way in $cache, waiting for it"
    flock 9
fi
if built; then
    printf '%s\n' "$cache"
    exit 0
fi
rm -f "$cache/stamp"

major=${kubernetes%%.*}
minor=${kubernetes#*.}
minor=${minor%%.*}
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=$major -X $version.gitMinor=$minor"
flags="$flags -X $version.gitTreeState=clean -X $version.buildDate=1970-01-01T00:00:00Z"

for program in $programs; do
    say "building $program of Kubernetes $kubernetes (nice; the first one takes minutes)"
    # A counter instead of a thousand package names; the exit status travels in a file, past the pipe.
    # 9>&-: a compiler left over must not hold the lock.
    {
        status=0
        (cd "$here" && CGO_ENABLED=0 nice -n 19 go build -v -trimpath -mod=readonly -buildvcs=false \
            ${KLAMM_GO_JOBS:+-p "$KLAMM_GO_JOBS"} -ldflags "$flags" -o "$cache/$program.new" "./$program" 2>&1) 9>&- || status=$?
        echo "$status" >"$cache/$program.status"
    } | awk -v program="$program" '
        / / { print; fflush(); next }
        { n++; if (n % 100 == 0) { printf "kube reference: %s: %d packages compiled\n", program, n; fflush() } }' >&2
    if [ "$(cat "$cache/$program.status")" != 0 ]; then
        say "building $program failed, see above"
        exit 1
    fi
    rm -f "$cache/$program.status"
    mv -f "$cache/$program.new" "$cache/$program"
done
printf '%s\n' "$stamp" >"$cache/stamp"
say "ready in $cache"
printf '%s\n' "$cache"
