#!/usr/bin/env bash
# Create .venv from the hash-pinned locks: `setup.sh` for a build host, `setup.sh dev` also for tests and linters.
# PYTHON names the interpreter; the default is the first supported one on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

version_of() {
    "$1" -I -c 'import sys; print("{}.{}".format(*sys.version_info))' 2>/dev/null || true
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.10}; do
        if [ -d "requirements/py$(version_of "$candidate")" ]; then
            echo "$candidate"
            return
        fi
    done
}

python=$(find_python)
[ -n "$python" ] || fail "no Python 3.10, 3.11, 3.12 or 3.13 found" "install one, or run make setup PYTHON=/path/to/python3.12"
locks="requirements/py$(version_of "$python")"

# A development environment stays one, even if a later run does not ask for it.
purpose=${1:-control}
[ ! -e .venv/.made-for-dev ] || purpose=dev
names=(control)
[ "$purpose" != dev ] || names=(control diarization dev)

# Print a digest of the inputs and the path. It is stored last, so that the next run repairs a killed installation or a
# moved clone, and skips a complete one.
inputs_digest() {
    {
        echo "$PWD"
        "$python" --version
        cat requirements/requirements-installer.txt
        for name in "$@"; do cat "$locks/$name.txt"; done
    } | sha256sum
}
[ "$(cat ".venv/.made-for-$purpose" 2>/dev/null)" != "$(inputs_digest "${names[@]}")" ] || exit 0

"$python" -I -m venv --clear .venv 2>/dev/null || fail "$python cannot create a virtual environment" "on Debian and Ubuntu, run apt install python3-venv"
echo "setup: installing ${names[*]} into .venv" >&2
.venv/bin/python -I -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/requirements-installer.txt
requirements=()
for name in "${names[@]}"; do requirements+=(-r "$locks/$name.txt"); done
.venv/bin/uv pip install --python .venv/bin/python --require-hashes "${requirements[@]}"
.venv/bin/uv pip install --python .venv/bin/python --quiet --no-deps --no-build-isolation --editable .
inputs_digest control >.venv/.made-for-control
inputs_digest "${names[@]}" >".venv/.made-for-$purpose"
