#!/usr/bin/env bash
# Benchmark both engines on this machine, with the cache in DIARIZE_RUNNER_CACHE or else the embedded one, which the
# first run builds under .bench/. Arguments go to `diarize-runner benchmark`; reports are written to .bench/.
set -euo pipefail
cd "$(dirname "$0")/.."
command=.venv/bin/diarize-runner
bench=$PWD/.bench

if [ -z "${DIARIZE_RUNNER_CACHE:-}" ]; then
    export DIARIZE_RUNNER_CACHE=$bench/cache
    [ -e "$DIARIZE_RUNNER_CACHE/current" ] || {
        "$command" cache build cache_manifests/embedded.yaml --version 1.0 --out "$bench/built"
        "$command" cache publish "$bench/built" --store "file://$bench/store"
        "$command" cache restore --store "file://$bench/store" --into "$DIARIZE_RUNNER_CACHE"
    }
fi
exec "$command" benchmark --against stock --output "$bench/report.json" --output-markdown "$bench/report.md" \
    --output-html "$bench/report.html" --output-junit "$bench/report.xml" "$@"
