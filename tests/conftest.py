"""What holds for every test."""

import os
import signal

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

SHARED = {
    "tests/scenario/test_whole_way.py": "the demo's box",
    "tests/scenario/test_what_a_load_reads.py": "the demo's box",
    "tests/scenario/test_engines.py": "boxes of gated models",
    "tests/scenario/test_hub_pipelines.py": "boxes of gated models",
    "tests/scenario/test_known_issues.py": "boxes of gated models",
}
"""What tests of several files share, which takes minutes to make."""

# Threads of OpenMP wait by spinning. Where others are at work on the same cores, that makes torch ten times as slow.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Workers have a core each, and so have the threads of what they compute.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job that a script starts in the background ignores SIGINT, and so does all that such a job starts, for good. What a
# test starts, so that it can be interrupted, gets the default, whoever started the tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, however long one takes on a machine that is busy.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """Mark what needs Swift, and begin with the longest."""
    for item in items:
        if "swift_cloud" in item.fixturenames:
            item.add_marker("swift")
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


class ByFile(LoadScopeScheduling):
    """Workers get whole files, as the tests of one share what it sets up, and files together that share a box.

    Groups would say so in each file, but those of pytest-xdist 3.8 do nothing under pytest 9.2.
    """

    def _split_scope(self, nodeid):
        path = nodeid.partition("::")[0]
        return SHARED.get(path, path)


@pytest.hookimpl(optionalhook=True)  # there is no such hook with -p no:xdist
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)
