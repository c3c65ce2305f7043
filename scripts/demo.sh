#!/usr/bin/env bash
# The complete workflow on this machine, without root, token, cloud or GPU: build and publish a model cache from a
# request, set up a box in .demo/box with Ansible, and find who said what in a real recording, offline. `make demo` runs it;
# DEMO names a folder other than .demo.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$(realpath --canonicalize-missing "${DEMO:-.demo}")
display=${demo#"$PWD"/}
store=$(python3 -I -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$demo/store")
box=$demo/box/opt/diarize-runner/current
export DIARIZE_RUNNER_CACHE=$demo/box/var/lib/diarize-runner/cache
export PATH=$PWD/.venv/bin:$PATH
export LC_ALL=C.UTF-8 # Ansible fails with a locale that this machine does not have
mkdir -p "$demo/out"

step() { printf '\n== %s\n' "$*"; }

# Print a command as it can be typed, then run it.
run() {
    printf '$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

step "1. Pin every file of a request to its digest"
run diarize-runner cache resolve cache_manifests/embedded.yaml

step "2. Build version 1.0: fetch the pinned files and pack them"
run diarize-runner cache build cache_manifests/embedded.yaml --version 1.0 --out "$demo/build"

# Versions are immutable, and a box does not follow an older latest. If an upgrade of this clone changes the demo's 1.0,
# remove the store and the models of the previous demo.
if [ -e "$demo/store/v1.0" ] && ! cmp --silent "$demo/build/manifest.json" "$demo/store/v1.0/manifest.json"; then
    rm -rf "$demo/store" "$DIARIZE_RUNNER_CACHE"
fi

step "3. Publish it: v1.0/ is immutable, latest/ points to it"
run diarize-runner cache publish "$demo/build" --store "$store"

step "4. Set up a box from the store (the first run installs torch and all else, about 7 GB)"
run uv build --quiet --wheel --no-build-isolation --out-dir "$demo/wheel" .
wheel=$(echo "$demo"/wheel/*.whl)
cat >"$demo/box.yml" <<END
diarize_runner_prefix: "$demo/box"
diarize_runner_store: "$store"
diarize_runner_packages: index
diarize_runner_wheel: "$wheel"
diarize_runner_uv_cache: "$(uv cache dir)"
END
run ansible-playbook playbooks/provision.yml --extra-vars "@$demo/box.yml"

step "5. On the box, offline: transcribe a real conversation, and find who said what"
sample=$(echo "$box"/lib/python3*/site-packages/pyannote/audio/sample)
cp "$sample"/sample.{wav,stm,rttm} "$demo/out/"
run "$box/bin/diarize-runner" run "$demo/out/sample.wav" \
    --output "$demo/out/labelled.json" --output "$demo/out/labelled.html" \
    --output-srt "$demo/out/labelled.srt" --output-rttm "$demo/out/found.rttm"

step "6. Measure speed and accuracy against human references (DER: collar 0, overlap scored)"
run "$box/bin/diarize-runner" benchmark "$demo/out/sample.wav" --reference "$demo/out/sample.rttm" \
    --transcribe --spoken "$demo/out/sample.stm" --output "$demo/out/benchmark.json"

command=${box#"$PWD"/}/bin/diarize-runner
cat <<END

Done. See:
  $display/out/labelled.srt       who said what
  $display/out/labelled.html      a page with timeline, talk time, transcript and audio
  $display/out/labelled.json      the result for programs, with every speaker turn
  $display/out/found.rttm         who spoke when
  $display/out/benchmark.json     the figures above, and the machine they were measured on
  $display/store/                 the content of a store: v1.0/ and latest/

Try next:
  export DIARIZE_RUNNER_CACHE=${DIARIZE_RUNNER_CACHE@Q}
  ${command@Q} run YOUR.wav
  ${command@Q} doctor
  make demo                    again: the second run installs nothing, and measures again
END
