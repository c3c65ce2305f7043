#!/usr/bin/env bash
# Benchmark stock and the default engine on this machine, with the cache in DIARIZE_RUNNER_CACHE or else the embedded
# one, which the first run builds under .bench/. Arguments go to `diarize-runner benchmark`; reports are written to
# .bench/.
set -euo pipefail
cd "$(dirname "$0")/.."
command=.venv/bin/diarize-runner
bench=$PWD/.bench
lock=cache_manifests/embedded.lock.json

if [ -z "${DIARIZE_RUNNER_CACHE:-}" ]; then
    export DIARIZE_RUNNER_CACHE=$bench/cache
    # The lock has the digest of every file in the cache. If an upgrade of this clone changes it, build the cache again.
    if [ ! -e "$DIARIZE_RUNNER_CACHE/current" ] || ! cmp --silent "$lock" "$bench/embedded.lock.json"; then
        rm -rf "$bench/built" "$bench/store" "$DIARIZE_RUNNER_CACHE"
        "$command" cache build cache_manifests/embedded.yaml --version 1.0 --out "$bench/built"
        "$command" cache publish "$bench/built" --store "file://$bench/store"
        "$command" cache restore --store "file://$bench/store" --into "$DIARIZE_RUNNER_CACHE"
        cp "$lock" "$bench/embedded.lock.json"
    fi
fi
exec "$command" benchmark --against stock --output "$bench/report.json" --output-markdown "$bench/report.md" \
    --output-html "$bench/report.html" --output-junit "$bench/report.xml" "$@"
