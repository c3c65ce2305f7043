import pytest
from support.caches import LARGE, Site


@pytest.fixture
def site(tmp_path):
    """A build host, a store and a box, all empty."""
    return Site(folder=tmp_path / "site")


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A site with a built version 1.0 whose largest blob spans two gzip members. Read-only."""
    site = Site(folder=tmp_path_factory.mktemp("large"))
    site.build(repos=LARGE)
    return site
