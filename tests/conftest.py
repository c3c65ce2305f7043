"""Settings of all tests."""

import gc
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from support.fips import refuse_weak_digests
from xdist.scheduler import LoadScopeScheduling

SHARED = {
    "tests/scenario/test_demo.py": "the demo's box",
    "tests/scenario/test_what_a_load_reads.py": "the demo's box",
    "tests/scenario/test_batch_in_containers.py": "the embedded box",
    "tests/scenario/test_batch_on_slurm.py": "the embedded box",
    "tests/scenario/test_embedded_models.py": "the embedded box",
    "tests/scenario/test_batch_on_ray_with_models.py": "the embedded box",
    "tests/scenario/test_service_results.py": "the embedded box",
    "tests/scenario/test_transcription.py": "the embedded box",
    "tests/scenario/test_transcription_complaints.py": "the embedded box",
    "tests/scenario/test_engines.py": "boxes of gated models",
    "tests/scenario/test_hub_pipelines.py": "boxes of gated models",
    "tests/scenario/test_known_issues.py": "boxes of gated models",
}
"""Test files that share a fixture which takes minutes."""

# OpenMP threads spin while they wait, which makes torch ten times as slow on busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# One thread per worker, as each worker has one core.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# pyenv's python3 is a bash script that starts Python after 0.1 s of CPU time; bootstrap.sh starts python3 eight times.
if Path(shutil.which("python3") or "").parent.name == "shims":
    os.environ["PATH"] = os.pathsep.join([f"{sys.base_prefix}/bin", os.environ["PATH"]])

# A background job of a shell script ignores SIGINT, and so do its child processes. Restore the default, so that tests
# can interrupt what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The toolkit runs on hosts in FIPS mode.
refuse_weak_digests()

# The same examples each time, without a deadline, since the machine may be busy.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """Mark tests that need Swift, and run the longest tests first."""
    for item in items:
        if "swift_cloud" in item.fixturenames:
            item.add_marker("swift")
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Exempt torch and all tests from garbage collection, which takes 0.2 s each time with them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


class ByFile(LoadScopeScheduling):
    """Assigns whole files to workers, since tests of a file share fixtures, and SHARED files to the same worker.

    The xdist_group marker of pytest-xdist 3.8 has no effect under pytest 9.2.
    """

    def _split_scope(self, nodeid):
        path = nodeid.partition("::")[0]
        return SHARED.get(path, path)


@pytest.hookimpl(optionalhook=True)  # the hook does not exist with -p no:xdist
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)
