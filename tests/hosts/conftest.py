"""A fresh host for each test that asks for one: booting one takes less than a second."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.hosts import fresh_host, require_hosts
from support.stand_in import Shelf


@pytest.fixture(autouse=True)
def _possible():
    require_hosts()


@pytest.fixture
def host():
    with fresh_host() as host:
        yield host


@pytest.fixture(scope="module")
def shelf():
    """A store of stand-ins; it is where a host keeps things over a reboot, and the controller at the same path."""
    with TemporaryDirectory(dir="/var/tmp", prefix="diarize-runner-shelf-") as folder:
        yield Shelf(folder=Path(folder))
