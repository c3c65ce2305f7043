#!/usr/bin/env bash
# Make .venv from the hash-pinned locks: `setup.sh` for what a build host needs, `setup.sh dev` for tests and linters too.
# PYTHON chooses the interpreter; otherwise the first supported one on PATH is taken.
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
[ -n "$python" ] || fail "no Python 3.10, 3.11, 3.12 or 3.13 found" "install one, or name it: make setup PYTHON=/path/to/python3.12"
locks="requirements/py$(version_of "$python")"

# An environment that was made for development stays one, whatever is asked for later.
purpose=${1:-control}
[ ! -e .venv/.made-for-dev ] || purpose=dev
wanted=(control)
[ "$purpose" != dev ] || wanted=(control diarization dev)

# A finished environment is marked with what it was made from and where, so that a killed run is done again, a moved
# clone is made anew, and a good one is left alone.
made_from() {
    {
        echo "$PWD"
        "$python" --version
        cat requirements/requirements-installer.txt
        for each in "$@"; do cat "$locks/$each.txt"; done
    } | sha256sum
}
[ "$(cat ".venv/.made-for-$purpose" 2>/dev/null)" != "$(made_from "${wanted[@]}")" ] || exit 0

"$python" -I -m venv --clear .venv 2>/dev/null || fail "$python cannot make a virtual environment" "on Debian and Ubuntu: apt install python3-venv"
echo "setup: installing ${wanted[*]} into .venv" >&2
.venv/bin/python -I -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/requirements-installer.txt
requirements=()
for purpose in "${wanted[@]}"; do requirements+=(-r "$locks/$purpose.txt"); done
.venv/bin/uv pip install --python .venv/bin/python --require-hashes "${requirements[@]}"
.venv/bin/uv pip install --python .venv/bin/python --quiet --no-deps --no-build-isolation --editable .
made_from control >.venv/.made-for-control
made_from "${wanted[@]}" >".venv/.made-for-$purpose"
