#!/usr/bin/env bash
# Create .swift, the environment with OpenStack Swift for the S3 tests, from a hash-pinned lock. It installs only wheels,
# so it needs no compiler and no system packages.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .venv/bin/uv ] || {
    printf 'error: .venv does not exist\nhint: run make setup\n' >&2
    exit 1
}

# .made-from holds a digest of the inputs, and is written last, as in scripts/setup.sh.
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
