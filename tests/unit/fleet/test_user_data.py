"""The user data of a new box: run the bootstrap of its store, or fail."""

import os
import shlex
import subprocess

import pytest

from diarize_runner.fleet.user_data import user_data

BOOTSTRAP = 'echo "bootstrap: $*"'


@pytest.fixture
def boot(tmp_path):
    """Run user data as cloud-init does, with `fetch` in place of curl and aws; return the completed process."""

    def boot(store, fetch):
        for name in ("curl", "aws"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{fetch}\n")
            (tmp_path / name).chmod(0o755)
        script = tmp_path / "user-data"
        script.write_text(user_data(store))
        script.chmod(0o755)
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run([script], env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)

    return boot


@pytest.mark.parametrize(
    ("store", "fetched"),
    [
        ("https://host/models/", "-fsSL --proto =https --retry 5 https://host/models/latest/bootstrap.sh"),
        ("s3://bucket/models", "s3 cp --only-show-errors s3://bucket/models/latest/bootstrap.sh -"),
    ],
)
def test_the_bootstrap_is_fetched_and_run_with_the_store(boot, store, fetched):
    done = boot(store, f'echo "fetched: $*" >&2; echo {shlex.quote(BOOTSTRAP)}')

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"bootstrap: --store {store.rstrip('/')}\n",
        f"fetched: {fetched}\n",
    )


@pytest.mark.parametrize("store", ["https://host/models", "s3://bucket/models"])
def test_user_data_fails_when_the_bootstrap_cannot_be_fetched(boot, store):
    done = boot(store, "exit 22")

    assert (done.returncode, done.stdout) == (22, "")


def test_what_stands_in_an_address_is_never_run(boot):
    done = boot("https://host/$(touch nothing;echo it)", f"echo {shlex.quote(BOOTSTRAP)}")

    assert done.stdout == "bootstrap: --store https://host/$(touch nothing;echo it)\n"
