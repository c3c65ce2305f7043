#!/usr/bin/env bash
# Run all linters, and fail if any of them fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export PATH="$PWD/.venv/bin:$PATH"
failed=()

check() {
    local name=$1
    shift
    printf '%-16s' "$name" >&2
    if output=$("$@" 2>&1); then
        echo "clean" >&2
    else
        failed+=("$name")
        printf 'failed\n%s\n' "$output" >&2
    fi
}

check "ruff check" ruff check
check "ruff format" ruff format --check
check mypy mypy
check import-linter lint-imports
check ansible-lint ansible-lint --offline --strict
check yamllint yamllint --strict .
check shellcheck shellcheck scripts/*.sh .ci/run deploy/slurm/batch.sbatch

[ ${#failed[@]} -eq 0 ] || {
    echo "error: ${failed[*]}" >&2
    exit 1
}
