#!/usr/bin/env bash
# Known weaknesses of what we depend on. The database of advisories is fetched from its home; where that is out of reach
# the check says so by name and is left out, unless KLAMM_REQUIRE_ADVISORIES is set.
set -euo pipefail
deny=${1:?cargo-deny}
if out=$("$deny" fetch db 2>&1); then
    exec "$deny" check advisories
fi
if [ -n "${KLAMM_REQUIRE_ADVISORIES:-}" ]; then
    printf '%s\n' "$out" >&2
    exit 1
fi
echo "SKIPPED advisories: their database cannot be fetched here"
