#!/usr/bin/env bash
# Fuzzes every parser of outside bytes for SECONDS_EACH (default 60). Needs a nightly toolchain and cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
cargo +nightly fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: cargo-fuzz is missing: cargo install cargo-fuzz, and rustup toolchain install nightly" >&2
    exit 1
}
for dir in crates/*/fuzz; do
    (
        cd "$dir/.."
        for target in $(cargo +nightly fuzz list); do
            echo "== ${dir%/fuzz} $target"
            # Text begins with what people write.
            seeds=()
            [ "$target" = manifest ] && seeds=("fuzz/corpus/$target" ../../examples)
            mkdir -p "fuzz/corpus/$target"
            cargo +nightly fuzz run "$target" "${seeds[@]}" -- -max_total_time="$seconds" -malloc_limit_mb=64 -print_final_stats=1
        done
    )
done
