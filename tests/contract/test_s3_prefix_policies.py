"""If a policy allows to list only the store's prefix, as in docs/aws.md, S3 answers 403 for a missing object.

The proxy applies that rule to moto, which checks no policy.
"""

import pytest
from support.buckets import QUICK, refusal, sign_in
from support.web import relay, serving

from diarize_runner.cache.published.keys import published_versions
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError
from diarize_runner.store.s3.store import S3Store

pytestmark = pytest.mark.usefixtures("isolated_environment")

KEY = "v1.0/manifest.json"
DENIED = refusal(403, "AccessDenied")


class PrefixPolicy:
    """A proxy that answers 403 instead of 404, and denies whole keys and lists outside a prefix."""

    def __init__(self, origin):
        self._origin, self.denied = origin, set()

    def __call__(self, request):
        if any(word in request.path for word in self.denied):
            return DENIED
        answer = self._origin(request)
        return DENIED if answer.status == 404 else answer


@pytest.fixture
def policy(moto_cloud, monkeypatch):
    policy = PrefixPolicy(relay(moto_cloud.url))
    with serving(policy) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        yield policy


@pytest.fixture
def store(moto_cloud, policy):
    return S3Store.at(f"s3://{moto_cloud.new_bucket()}/models", QUICK)


READS = {
    "read": lambda store: store.read(KEY),
    "a range": lambda store: list(store.read_range(KEY, 0, 1)),
    "size": lambda store: store.size(KEY),
    "copy": lambda store: store.copy(KEY, "latest/manifest.json"),
    "digest": lambda store: store.digest(KEY),
}


@pytest.mark.parametrize("what", READS)
def test_a_missing_object_is_missing_and_not_denied(what, store, source):
    store.create(f"{KEY}.sig", source(b"its name begins alike"))

    with pytest.raises(ObjectNotFound):
        READS[what](store)


@pytest.mark.parametrize("what", READS)
def test_an_object_that_may_be_listed_but_not_read_is_denied(what, store, policy, source):
    store.create(KEY, source(b"x"))
    policy.denied = {f"/{KEY}"}

    with pytest.raises(StoreError, match="access was denied") as error:
        READS[what](store)

    assert not isinstance(error.value, ObjectNotFound)


def test_without_the_right_to_list_a_missing_object_may_be_denied(store, policy):
    policy.denied = {"list-type"}

    with pytest.raises(StoreError, match="access was denied, or the object does not exist"):
        store.read(KEY)


def test_an_empty_store_can_be_published_to(store, source):
    assert list(published_versions(store)) == []
    store.create(KEY, source(b"x"))
    store.swap("latest/manifest.json", b"pointer", expected=None)

    assert list(published_versions(store)) == ["1.0"]
    with pytest.raises(ObjectExists):
        store.create(KEY, source(b"y"))


def test_a_folder_without_its_object_is_no_version(store, source):
    store.create("v1.0/archive", source(b"x"))

    assert list(published_versions(store)) == []
