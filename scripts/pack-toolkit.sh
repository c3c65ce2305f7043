#!/usr/bin/env bash
# Write the toolkit to dist/ for `cache build --toolkit`: the wheel, toolkit.tar (playbooks and roles) and bootstrap.sh.
# The build is reproducible.
set -euo pipefail
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH=315532800 # 1980, the earliest year in a zip archive

rm -rf dist
.venv/bin/uv build --quiet --wheel --no-build-isolation --out-dir dist .
tar --create --file dist/toolkit.tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --exclude=__pycache__ playbooks roles ansible.cfg
cp scripts/bootstrap.sh dist/
ls -l dist/*.whl dist/toolkit.tar dist/bootstrap.sh >&2
