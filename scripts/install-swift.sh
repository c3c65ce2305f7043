#!/usr/bin/env bash
# Make .swift, the environment with OpenStack Swift that the tests of buckets run against, from a hash-pinned lock.
# All of it comes as wheels, so nothing is compiled and no system package is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/uv ] || {
    printf 'error: there is no .venv\nhint: make setup\n' >&2
    exit 1
}

# A finished environment is marked with what it was made from, as scripts/setup.sh does.
made_from=$({
    echo "$PWD"
    .venv/bin/python --version
    cat requirements/swift.txt
} | sha256sum)
[ "$(cat .swift/.made-from 2>/dev/null)" != "$made_from" ] || exit 0

echo "install-swift: installing Swift into .swift" >&2
.venv/bin/python -I -m venv --clear --without-pip .swift
.venv/bin/uv pip install --python .swift/bin/python --quiet --require-hashes --no-build -r requirements/swift.txt
echo "$made_from" >.swift/.made-from
