#!/usr/bin/env bash
# Create the environment for --align: whisperX, from a hash-pinned lock, in a folder (7.6 GB). It installs only wheels.
#
#   scripts/install-alignment.sh DIR
#   export DIARIZE_RUNNER_ALIGNER=DIR/bin/python
#
# PYTHON names the interpreter; the default is that of .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

[ $# = 1 ] || fail "no folder is named" "scripts/install-alignment.sh DIR"
[ -x .venv/bin/uv ] || fail ".venv does not exist" "run make setup"
folder=$1 python=${PYTHON:-.venv/bin/python}
lock="requirements/py$("$python" -I -c 'import sys; print("{}.{}".format(*sys.version_info))')/alignment.txt"
[ -f "$lock" ] || fail "there is no $lock" "use PYTHON=/path/to/python3.12"

# .made-from holds a digest of the inputs, and is written last, as in scripts/setup.sh.
made_from=$({
    "$python" --version
    cat "$lock"
} | sha256sum)
[ "$(cat "$folder/.made-from" 2>/dev/null)" != "$made_from" ] || exit 0

echo "install-alignment: installing whisperX into $folder" >&2
.venv/bin/uv venv --quiet --clear --python "$python" "$folder"
.venv/bin/uv pip install --python "$folder/bin/python" --quiet --require-hashes --no-build --compile-bytecode -r "$lock"
echo "$made_from" >"$folder/.made-from"
