#!/usr/bin/env bash
# Leave in dist/ what boxes are provisioned with: the toolkit's wheel, toolkit.tar (playbooks and roles) and bootstrap.sh,
# for `cache build --toolkit`. The same clone gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH=315532800 # 1980, the first year that a zip archive knows

rm -rf dist
.venv/bin/uv build --quiet --wheel --no-build-isolation --out-dir dist .
tar --create --file dist/toolkit.tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --exclude=__pycache__ playbooks roles ansible.cfg
cp scripts/bootstrap.sh dist/
ls -l dist/*.whl dist/toolkit.tar dist/bootstrap.sh >&2
