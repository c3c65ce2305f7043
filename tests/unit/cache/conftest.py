import pytest
from support.caches import LARGE, Site


@pytest.fixture
def site(tmp_path):
    """A build host, a store and a box, all empty."""
    return Site(folder=tmp_path / "site")


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A site with version 1.0 built, one of whose blobs spans two gzip members. For reading alone."""
    site = Site(folder=tmp_path_factory.mktemp("large"))
    site.build(repos=LARGE)
    return site
