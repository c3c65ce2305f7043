#!/usr/bin/env bash
# Pin and build a version from the models that this machine has downloaded already, without network or token:
#
#   scripts/cache-diarization-models.sh 1.1 [REQUEST.yaml] [DIR]
#
# REQUEST.yaml is cache_manifests/community-1.yaml by default; DIR is a Hub cache, by default huggingface_hub's own. The
# build is written to build/VERSION. With DIARIZE_RUNNER_STORE, it is published there.
set -euo pipefail

case ${1:-} in
[0-9]*) version=$1 ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
request=${2:+$(realpath "$2")}
cache=${3:+$(realpath "$3")}
cd "$(dirname "$0")/.."
request=${request:-cache_manifests/community-1.yaml}
from=(--from-hf-cache ${cache:+"$cache"})
command=.venv/bin/diarize-runner

"$command" cache resolve "$request" "${from[@]}"
"$command" cache build "$request" --version "$version" --out "build/$version" "${from[@]}"
if [ -n "${DIARIZE_RUNNER_STORE:-}" ]; then
    "$command" cache publish "build/$version" --store "$DIARIZE_RUNNER_STORE"
else
    echo "next: $command cache publish build/$version --store STORE"
fi
