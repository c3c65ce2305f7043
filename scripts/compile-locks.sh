#!/usr/bin/env bash
# Compile requirements/*.in into hash-pinned locks, one set per Python version (about 10 minutes each).
#
#   scripts/compile-locks.sh [3.10 3.11 3.12 3.13]
#
# Each version needs its interpreter on PATH (pythonX.Y), because a lock depends on the Python that compiles it.
set -euo pipefail
cd "$(dirname "$0")/../requirements"

# Ignore this machine's pip settings (find-links, extra indexes): they could pin builds that others cannot install.
export PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock"
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL

pip_tools() {
    local version=$1 tools
    tools="${TMPDIR:-/tmp}/diarize-runner-lock-py$version"
    [ -x "$tools/bin/uv" ] || {
        "python$version" -I -m venv "$tools"
        "$tools/bin/pip" install --quiet pip-tools uv
    }
    echo "$tools"
}

# A test compares the digest line with the .in, to find a lock that is out of date.
# Without --allow-unsafe, setuptools has no hash, and pip refuses to install with hashes.
compile() {
    local tools=$1 folder=$2 purpose=$3
    shift 3
    "$tools/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
        --no-emit-find-links --output-file "$folder/$purpose.txt" "$@" "$purpose.in"
    add_digest "$folder" "$purpose"
}

add_digest() {
    sed -i "1i # requirements/$2.in sha256:$(sha256sum "$2.in" | cut -d' ' -f1)" "$1/$2.txt"
}

# The environment of whisperX shares no package with the others. uv takes seconds: it downloads no torch to read its
# metadata.
compile_alignment() {
    local tools=$1 version=$2
    "$tools/bin/uv" pip compile --quiet --no-config --no-header --generate-hashes --only-binary :all: \
        --python-version "$version" --python-platform x86_64-manylinux_2_28 \
        --output-file "py$version/alignment.txt" alignment.in
    add_digest "py$version" alignment
}

# Earlier locks constrain later ones, so that one environment can install them all.
[ $# -gt 0 ] || set -- 3.10 3.11 3.12 3.13
for version in "$@"; do
    folder=py$version tools=$(pip_tools "$version")
    mkdir -p "$folder"
    compile "$tools" "$folder" diarization
    compile "$tools" "$folder" control --constraint "$folder/diarization.txt"
    compile "$tools" "$folder" installer --constraint "$folder/diarization.txt" --constraint "$folder/control.txt"
    compile "$tools" "$folder" ray --constraint "$folder/diarization.txt" --constraint "$folder/control.txt"
    compile "$tools" "$folder" dev --constraint "$folder/diarization.txt" --constraint "$folder/control.txt" \
        --constraint "$folder/ray.txt"
    compile_alignment "$tools" "$version"
done

# Swift has one lock for all Pythons, compiled with the oldest.
compile "$(pip_tools "$1")" . swift

python3 -I ../scripts/merge_locks.py
