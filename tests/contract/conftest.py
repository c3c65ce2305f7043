import pytest
from support.buckets import QUICK, Cloud, hide_cloud_account, loading_boto_once, moto, sign_in
from support.one_object import DATA, KEY, OneObjectStore
from support.swift import ACCESS_KEY, SECRET_KEY, require_swift, swift
from support.web import files, relay, serving

from diarize_runner.store.http import HttpStore
from diarize_runner.store.s3.store import S3Store


@pytest.fixture(scope="session", autouse=True)
def _load_boto_once():
    with loading_boto_once():
        yield


@pytest.fixture
def isolated_environment(monkeypatch, tmp_path):
    """Hide this machine's cloud account and proxies."""
    hide_cloud_account(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def swift_cloud(tmp_path_factory):
    require_swift()
    with swift(tmp_path_factory.mktemp("swift") / "swift") as url:
        yield Cloud(url=url, access_key=ACCESS_KEY, secret_key=SECRET_KEY)


@pytest.fixture(scope="session")
def moto_cloud():
    with moto() as cloud:
        yield cloud


@pytest.fixture
def source(tmp_path):
    """Make a file of given bytes."""

    def make(data, name="source"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


@pytest.fixture
def bucket(swift_cloud, monkeypatch):
    """A bucket on Swift, with credentials."""
    sign_in(monkeypatch, swift_cloud)
    return swift_cloud.new_bucket()


@pytest.fixture
def store(bucket):
    """A store on Swift."""
    return S3Store.at(f"s3://{bucket}/models", QUICK)


@pytest.fixture
def swift_proxy(swift_cloud, bucket, monkeypatch):
    """A proxy for Swift that can inject faults."""
    with serving(relay(swift_cloud.url)) as server:
        sign_in(monkeypatch, swift_cloud.behind(server.url))
        yield server


@pytest.fixture
def flaky_store(swift_proxy, bucket):
    """The store through that proxy."""
    return S3Store.at(f"s3://{bucket}/models", QUICK)


@pytest.fixture
def moto_proxy(moto_cloud, monkeypatch):
    """A proxy for moto, which supports If-Match and checks no signatures."""
    with serving(relay(moto_cloud.url)) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        yield server


@pytest.fixture
def moto_store(moto_cloud, moto_proxy):
    """The store through that proxy."""
    return S3Store.at(f"s3://{moto_cloud.new_bucket()}/models", QUICK)


@pytest.fixture(params=[pytest.param("s3", marks=pytest.mark.swift), "http"])
def line(request):
    return request.getfixturevalue(f"{request.param}_line")


@pytest.fixture
def s3_line(store, bucket, swift_proxy, source):
    store.create(KEY, source(DATA))
    return OneObjectStore(
        open=lambda retry_policy: S3Store.at(f"s3://{bucket}/models", retry_policy), server=swift_proxy
    )


@pytest.fixture
def http_line(tmp_path):
    path = tmp_path / "served" / "models" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    with serving(files(tmp_path / "served")) as server:
        yield OneObjectStore(open=lambda retry_policy: HttpStore(f"{server.url}/models", retry_policy), server=server)
