"""Fresh hosts for tests; a host boots in less than a second."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.hosts import fresh_host, require_hosts
from support.stand_in import Shelf


@pytest.fixture(autouse=True)
def _require_hosts():
    require_hosts()


@pytest.fixture
def host():
    with fresh_host() as host:
        yield host


@pytest.fixture(scope="module")
def shelf():
    """A store with stub models and releases, at a path that survives a reboot and is the same on the controller."""
    with TemporaryDirectory(dir="/var/tmp", prefix="diarize-runner-shelf-") as folder:
        yield Shelf(folder=Path(folder))
