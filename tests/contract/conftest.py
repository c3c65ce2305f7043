import os

import pytest
from botocore.loaders import create_loader
from support.buckets import QUICK, Cloud, moto, sign_in
from support.lines import DATA, KEY, Line
from support.swift import ACCESS_KEY, SECRET_KEY, require_swift, swift
from support.web import files, relay, serving

from diarize_runner.store.http import HttpStore
from diarize_runner.store.s3.store import S3Store


@pytest.fixture(scope="session", autouse=True)
def one_loader():
    """Let boto3 read what it knows of S3 once, rather than for each of hundreds of clients."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda *_: loader)
        yield


@pytest.fixture
def nothing_of_this_machine(monkeypatch, tmp_path):
    """Let neither this machine's cloud account nor its proxies into a test."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "NETRC"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


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
    """A bucket on Swift, and the way in."""
    sign_in(monkeypatch, swift_cloud)
    return swift_cloud.new_bucket()


@pytest.fixture
def store(bucket):
    """A store on Swift."""
    return S3Store.at(f"s3://{bucket}/models", QUICK)


@pytest.fixture
def front(swift_cloud, bucket, monkeypatch):
    """A server that stands in front of Swift, and fails when it is told to."""
    with serving(relay(swift_cloud.url)) as server:
        sign_in(monkeypatch, swift_cloud.behind(server.url))
        yield server


@pytest.fixture
def shaky(front, bucket):
    """The store by way of that server."""
    return S3Store.at(f"s3://{bucket}/models", QUICK)


@pytest.fixture
def moto_front(moto_cloud, monkeypatch):
    """A server in front of moto; it does what Swift does not, and asks for no signature."""
    with serving(relay(moto_cloud.url)) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        yield server


@pytest.fixture
def moto_store(moto_cloud, moto_front):
    """The store by way of that server."""
    return S3Store.at(f"s3://{moto_cloud.new_bucket()}/models", QUICK)


@pytest.fixture(params=[pytest.param("s3", marks=pytest.mark.swift), "http"])
def line(request):
    return request.getfixturevalue(f"{request.param}_line")


@pytest.fixture
def s3_line(store, bucket, front, source):
    store.create(KEY, source(DATA))
    return Line(open=lambda patience: S3Store.at(f"s3://{bucket}/models", patience), server=front)


@pytest.fixture
def http_line(tmp_path):
    path = tmp_path / "served" / "models" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    with serving(files(tmp_path / "served")) as server:
        yield Line(open=lambda patience: HttpStore(f"{server.url}/models", patience), server=server)
