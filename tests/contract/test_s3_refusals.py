"""Everything that can be wrong about a bucket, the way to it and who we are: one sentence, one hint, no secret."""

import pytest
from support.buckets import QUICK, Cloud, refusal, sign_in
from support.caches import noise
from support.certificates import write_certificate
from support.swift import STRANGER_ACCESS_KEY, STRANGER_SECRET_KEY
from support.web import Answer, relay, says, says_what, serving

from diarize_runner.cache.published.keys import published_versions
from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store.s3.store import S3Store
from diarize_runner.store.s3.upload import PART

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine")

KEY = "v1.0/object"
NOBODY_LISTENS = "http://127.0.0.1:1"
FINDS_CREDENTIALS = (
    "boto3 finds them by AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role; "
    "a public bucket can be restored from by its https:// address"
)
OPERATIONS = {
    "read": lambda store, _: store.read(KEY),
    "read_range": lambda store, _: list(store.read_range(KEY, 0, 1)),
    "versions": lambda store, _: list(published_versions(store)),
    "create": lambda store, source: store.create(KEY, source(b"x")),
    "keys": lambda store, _: list(store.keys("v")),
    "delete": lambda store, _: store.delete(KEY),
    "swap": lambda store, _: store.swap(KEY, b"x", expected=None),
    "digest": lambda store, _: store.digest(KEY),
}


@pytest.fixture(params=OPERATIONS)
def operation(request):
    """The name of each thing that can be done to a store."""
    return request.param


@pytest.fixture
def refused(operation, source):
    """Do it, and return the error."""

    def refused(store):
        with pytest.raises(StoreError) as error:
            OPERATIONS[operation](store, source)
        return error.value

    return refused


def opened(bucket="models"):
    return S3Store.at(f"s3://{bucket}/embedded", QUICK)


def test_a_bucket_that_is_not_there(refused, swift_cloud, monkeypatch):
    sign_in(monkeypatch, swift_cloud)

    error = refused(opened("no-such-bucket"))

    assert ": there is no such bucket (NoSuchBucket)" in error.message
    assert error.hint == "check the name; AWS_ENDPOINT_URL names a provider other than AWS"


def test_a_bucket_of_somebody_elses(refused, swift_cloud, bucket, monkeypatch):
    sign_in(monkeypatch, Cloud(url=swift_cloud.url, access_key=STRANGER_ACCESS_KEY, secret_key=STRANGER_SECRET_KEY))

    error = refused(opened(bucket))

    assert "access was denied, or it is not there: S3 says the same of both to those who may not list" in error.message
    assert "s3:ListBucket and s3:GetObject" in error.hint
    assert not isinstance(error, ObjectNotFound)


def test_a_secret_that_is_wrong_is_refused_and_not_repeated(operation, refused, swift_cloud, bucket, monkeypatch):
    sign_in(monkeypatch, Cloud(url=swift_cloud.url, access_key="test:tester", secret_key="hunter2"))

    error = refused(opened(bucket))

    said = error.message + error.hint
    assert not any(secret in said for secret in ("hunter2", "test:tester", "AWS4-HMAC", "Signature="))
    if operation != "create":  # which begins with HEAD, whose answer has no room for the reason
        assert "the credentials were refused (SignatureDoesNotMatch)" in error.message


def test_no_credentials_anywhere(refused, moto_cloud, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_cloud.url)

    error = refused(opened())

    assert ": no credentials were found" in error.message
    assert error.hint == FINDS_CREDENTIALS


def test_a_server_that_is_down(refused, monkeypatch):
    sign_in(monkeypatch, Cloud(url=NOBODY_LISTENS))

    error = refused(opened())

    assert error.message.endswith(f": the server cannot be reached ({NOBODY_LISTENS})")
    assert error.hint == "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL"


def test_a_password_in_the_address_of_a_server_is_not_repeated(monkeypatch):
    sign_in(monkeypatch, Cloud(url="http://me:hunter2@127.0.0.1:1"))

    with pytest.raises(StoreError) as error:
        opened().read(KEY)

    assert "hunter2" not in error.value.message + error.value.hint


ENVIRONMENTS = {
    "half of the credentials": ({"AWS_ACCESS_KEY_ID": "me"}, "the credentials are incomplete", FINDS_CREDENTIALS),
    "a profile that is not there": (
        {"AWS_PROFILE": "nobody"},
        "there is no such profile as AWS_PROFILE names",
        "aws configure list-profiles",
    ),
    "a region that cannot be": (
        {"AWS_DEFAULT_REGION": "no region"},
        "that is no region",
        "check AWS_DEFAULT_REGION",
    ),
    "a configuration that is none": (
        {"AWS_CONFIG_FILE": __file__},
        "boto3's configuration cannot be read",
        "check ~/.aws, AWS_CONFIG_FILE and the like",
    ),
    "a setting that nobody knows": (
        {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "somewhere", "AWS_DEFAULT_REGION": "us-east-1"},
        "boto3 gave up (InvalidS3UsEast1RegionalEndpointConfigError)",
        "check AWS_* and ~/.aws",
    ),
    "an address that is none": (
        {"AWS_ENDPOINT_URL": "somewhere", "AWS_DEFAULT_REGION": "us-east-1"},
        "AWS_ENDPOINT_URL is no address",
        "such as https://s3.example.org",
    ),
}


@pytest.mark.parametrize(("variables", "sentence", "hint"), ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_an_environment_that_makes_no_sense(variables, sentence, hint, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(StoreError) as error:
        opened().read(KEY)

    assert (error.value.message, error.value.hint) == (f"s3://models/embedded: {sentence}", hint)


def test_a_proxy_that_is_down(moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@127.0.0.1:1")

    with pytest.raises(StoreError, match=": the proxy cannot be reached") as error:
        opened().read(KEY)

    assert error.value.hint == "check HTTPS_PROXY and NO_PROXY"
    assert "hunter2" not in error.value.message


@pytest.fixture(params=[pytest.param("swift", marks=pytest.mark.swift), "moto"])
def behind_tls(request, tmp_path, monkeypatch):
    """A bucket behind a certificate that nobody trusts: its name, and the certificate."""
    cloud, certificate = request.getfixturevalue(f"{request.param}_cloud"), write_certificate(tmp_path / "own.pem")
    with serving(relay(cloud.url), certificate) as server:
        sign_in(monkeypatch, cloud.behind(server.url))
        yield cloud.new_bucket(), certificate


def test_a_certificate_that_is_not_trusted(behind_tls):
    bucket, _ = behind_tls

    with pytest.raises(StoreError, match=": the certificate is not trusted") as error:
        opened(bucket).read(KEY)

    assert error.value.hint == "name your own authority's certificates in AWS_CA_BUNDLE"


def test_a_certificate_that_the_environment_trusts(behind_tls, monkeypatch, source):
    """Over TLS, boto3 sends a body in chunks with its checksum behind it; both servers understand that."""
    bucket, certificate = behind_tls
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))

    opened(bucket).create(KEY, source(b"over TLS"))

    assert opened(bucket).read(KEY).data == b"over TLS"


ELSEWHERE = {
    "says so": refusal(400, "AuthorizationHeaderMalformed", Region="eu-central-1"),
    "sends us there": refusal(301, "PermanentRedirect").having(x_amz_bucket_region="eu-central-1"),
}


@pytest.mark.parametrize("answer", ELSEWHERE.values(), ids=list(ELSEWHERE))
def test_a_bucket_in_another_region(answer, moto_store, moto_front):
    moto_front.fails(says_what(answer), times=9)

    with pytest.raises(StoreError) as error:
        moto_store.read(KEY)

    assert error.value.message == f"{moto_store.url}: the bucket is in another region"
    assert error.value.hint == "AWS_DEFAULT_REGION=eu-central-1"


def test_a_server_that_sends_everything_to_https(refused, moto_store, moto_front):
    moto_front.fails(says(301, Location="https://127.0.0.1:1/"), times=999)

    error = refused(moto_store)

    assert error.message.endswith(": the server redirects everything")
    assert error.hint == "check AWS_ENDPOINT_URL: is it https rather than http?"


CODES = {
    (403, "ExpiredToken"): ("the credentials have expired", "sign in again, as with: aws sso login"),
    (403, "RequestTimeTooSkewed"): (
        "the clocks of this machine and of the server differ",
        "set the clock: timedatectl",
    ),
    (501, "NotImplemented"): (
        "the server does not do what was asked",
        "is AWS_ENDPOINT_URL the address of an S3 API?",
    ),
    (400, "XAmzContentSHA256Mismatch"): (
        "the server refused",
        "a server other than AWS may need AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
    ),
}


@pytest.mark.parametrize(("answer", "said"), CODES.items(), ids=[code for _, code in CODES])
def test_what_a_server_refuses_with(answer, said, moto_store, moto_front):
    moto_front.fails(says_what(refusal(*answer, Message="a secret")), times=9)

    with pytest.raises(StoreError) as error:
        moto_store.read(KEY)

    assert error.value.message == f"{moto_store.url}/{KEY}: {said[0]} ({answer[1]})"
    assert error.value.hint == said[1]


def test_a_teapot(refused, moto_store, moto_front):
    moto_front.fails(says_what(Answer(status=418)), times=9)

    assert refused(moto_store).message.endswith(": the server refused (418)")


@pytest.mark.parametrize("operation", ["read", "read_range", "versions", "create", "digest"], indirect=True)
def test_a_web_page(refused, moto_store, moto_front):
    moto_front.fails(says_what(Answer(status=200, body=b"<!doctype html><p>Welcome!")), times=9)

    assert refused(moto_store).message.startswith(moto_store.url)


def test_a_server_that_begins_an_upload_without_a_name_for_it(moto_store, moto_front, source):
    moto_front.fails(says_what(Answer(status=200)), when=lambda request: request.path.endswith("?uploads"))

    with pytest.raises(StoreError, match=r"the server's answer has no UploadId$") as error:
        moto_store.create(KEY, source(noise(PART + 7)))

    assert error.value.hint == "is AWS_ENDPOINT_URL the address of an S3 API?"


def test_a_name_that_no_bucket_has(moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)

    with pytest.raises(StoreError, match=r"^s3://NO_BUCKET!/embedded.*: that is no name for a bucket") as error:
        opened("NO_BUCKET!").read(KEY)

    assert error.value.hint == "check the address of the store"
