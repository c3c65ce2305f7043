#!/usr/bin/env bash
# The whole way on this very machine, without root, token, cloud or GPU: a request becomes a published model cache,
# Ansible stands up a box in .demo/box from it, and the box diarizes a real recording offline. Run by `make demo`;
# DEMO names another folder than .demo.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$(realpath --canonicalize-missing "${DEMO:-.demo}")
shown=${demo#"$PWD"/}
store=$(python3 -I -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$demo/store")
box=$demo/box/opt/diarize-runner/current
export DIARIZE_RUNNER_CACHE=$demo/box/var/lib/diarize-runner/cache
export PATH=$PWD/.venv/bin:$PATH
mkdir -p "$demo/out"

step() { printf '\n== %s\n' "$*"; }

# Show a command as it can be typed, then run it.
run() {
    printf '$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

step "1. Pin every file of a request to its digest"
run diarize-runner cache resolve cache_manifests/embedded.yaml

step "2. Build version 1.0: fetch what the lock pins, pack it"
run diarize-runner cache build cache_manifests/embedded.yaml --version 1.0 --out "$demo/build"

# A version is never written twice, and a box follows no older latest. After an upgrade of this clone the demo's 1.0 is
# another one, so the store and the models of the demo before make room for it.
if [ -e "$demo/store/v1.0" ] && ! cmp --silent "$demo/build/manifest.json" "$demo/store/v1.0/manifest.json"; then
    rm -rf "$demo/store" "$DIARIZE_RUNNER_CACHE"
fi

step "3. Publish it: v1.0/ once and for all, latest/ to point at it"
run diarize-runner cache publish "$demo/build" --store "$store"

step "4. Stand up a box from the store (the first time, torch is the long part: about 5 GB to install)"
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

step "5. On the box, offline: diarize a real conversation, and label its transcript"
sample=$(echo "$box"/lib/python3*/site-packages/pyannote/audio/sample)
cp "$sample"/sample.{wav,stm,rttm} "$demo/out/"
run "$box/bin/diarize-runner" diarize "$demo/out/sample.wav" --transcript "$demo/out/sample.stm" \
    --output "$demo/out/labelled.json" --output "$demo/out/labelled.html" \
    --output-srt "$demo/out/labelled.srt" --output-rttm "$demo/out/found.rttm"

step "6. How fast, and how right, against what people heard (collar 0, overlap scored)"
run "$box/bin/diarize-runner" benchmark "$demo/out/sample.wav" --reference "$demo/out/sample.rttm" \
    --output "$demo/out/benchmark.json"

command=${box#"$PWD"/}/bin/diarize-runner
cat <<END

Done. Look at:
  $shown/out/labelled.srt       who said what
  $shown/out/labelled.html      the same as a page: timeline, talk time, transcript, and the sound to each
  $shown/out/labelled.json      the same for programs, with every speaker turn
  $shown/out/found.rttm         who spoke when
  $shown/out/benchmark.json     the figures above, and what they ran on
  $shown/store/                 what a bucket would hold: v1.0/ and latest/

Try next:
  export DIARIZE_RUNNER_CACHE=${DIARIZE_RUNNER_CACHE@Q}
  ${command@Q} diarize YOUR.wav
  ${command@Q} doctor
  make demo                    again: the second time, nothing changes
END
