"""A fresh host for each test that asks for one: booting one takes less than a second."""

import pytest
from support.hosts import fresh_host, require_hosts


@pytest.fixture(autouse=True)
def _possible():
    require_hosts()


@pytest.fixture
def host():
    with fresh_host() as host:
        yield host
