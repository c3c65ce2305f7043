"""Fresh hosts for tests; a host boots in less than a second."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.hosts import fresh_host, require_hosts
from support.hosts.trees import changes
from support.stand_in import Shelf


@pytest.fixture(autouse=True)
def _require_hosts():
    require_hosts()


@pytest.fixture
def host():
    with fresh_host() as host:
        yield host


@pytest.fixture(scope="module")
def unchanged():
    """A host for tests of refusals, in which none of a module changes a file."""
    require_hosts()
    with fresh_host() as host:
        before = host.files()
        yield host
        assert changes(before, host.files()) == []


@pytest.fixture(scope="module")
def shelf():
    """A store with stub models and releases, at a path that survives a reboot and is the same on the controller."""
    with TemporaryDirectory(dir="/var/tmp", prefix="diarize-runner-shelf-") as folder:
        yield Shelf(folder=Path(folder))
