"""Errors of an S3 store: one sentence and one hint each, and no secret."""

import pytest
from support.buckets import QUICK, Cloud, refusal, sign_in
from support.caches import noise
from support.certificates import write_certificate
from support.swift import STRANGER_ACCESS_KEY, STRANGER_SECRET_KEY
from support.web import Answer, relay, responds_with, responds_with_status, serving

from diarize_runner.cache.published.keys import published_versions
from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store.s3.store import S3Store
from diarize_runner.store.s3.upload import PART

pytestmark = pytest.mark.usefixtures("isolated_environment")

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
    "objects": lambda store, _: list(store.objects("v")),
    "delete": lambda store, _: store.delete(KEY),
    "swap": lambda store, _: store.swap(KEY, b"x", expected=None),
    "digest": lambda store, _: store.digest(KEY),
}


@pytest.fixture(params=OPERATIONS)
def operation(request):
    """Each store operation by name."""
    return request.param


@pytest.fixture
def refused(operation, source):
    """Run the operation and return its error."""

    def refused(store):
        with pytest.raises(StoreError) as error:
            OPERATIONS[operation](store, source)
        return error.value

    return refused


def opened(bucket="models"):
    return S3Store.at(f"s3://{bucket}/embedded", QUICK)


def test_a_missing_bucket(refused, swift_cloud, monkeypatch):
    sign_in(monkeypatch, swift_cloud)

    error = refused(opened("no-such-bucket"))

    assert ": the bucket does not exist (NoSuchBucket)" in error.message
    assert error.hint == "check the name; for a provider other than AWS, set AWS_ENDPOINT_URL"


def test_another_account_s_bucket(refused, swift_cloud, bucket, monkeypatch):
    sign_in(monkeypatch, Cloud(url=swift_cloud.url, access_key=STRANGER_ACCESS_KEY, secret_key=STRANGER_SECRET_KEY))

    error = refused(opened(bucket))

    assert (
        "access was denied, or the object does not exist: without s3:ListBucket, S3 answers both alike" in error.message
    )
    assert "s3:ListBucket and s3:GetObject" in error.hint
    assert not isinstance(error, ObjectNotFound)


def test_a_wrong_secret_is_refused_and_not_repeated(operation, refused, swift_cloud, bucket, monkeypatch):
    sign_in(monkeypatch, Cloud(url=swift_cloud.url, access_key="test:tester", secret_key="hunter2"))

    error = refused(opened(bucket))

    text = error.message + error.hint
    assert not any(secret in text for secret in ("hunter2", "test:tester", "AWS4-HMAC", "Signature="))
    if operation != "create":  # which begins with HEAD, whose answer has no room for the reason
        assert "the credentials were refused (SignatureDoesNotMatch)" in error.message


def test_missing_credentials(refused, moto_cloud, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_cloud.url)

    error = refused(opened())

    assert ": no credentials were found" in error.message
    assert error.hint == FINDS_CREDENTIALS


def test_an_unreachable_server(refused, monkeypatch):
    sign_in(monkeypatch, Cloud(url=NOBODY_LISTENS))

    error = refused(opened())

    assert error.message.endswith(f": the server cannot be reached ({NOBODY_LISTENS})")
    assert error.hint == "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL"


def test_a_password_in_the_endpoint_is_not_repeated(monkeypatch):
    sign_in(monkeypatch, Cloud(url="http://me:hunter2@127.0.0.1:1"))

    with pytest.raises(StoreError) as error:
        opened().read(KEY)

    assert "hunter2" not in error.value.message + error.value.hint


ENVIRONMENTS = {
    "incomplete credentials": ({"AWS_ACCESS_KEY_ID": "me"}, "the credentials are incomplete", FINDS_CREDENTIALS),
    "a missing profile": (
        {"AWS_PROFILE": "nobody"},
        "the profile in AWS_PROFILE does not exist",
        "aws configure list-profiles",
    ),
    "an invalid region": (
        {"AWS_DEFAULT_REGION": "no region"},
        "the region is invalid or missing",
        "check AWS_DEFAULT_REGION",
    ),
    "an invalid configuration": (
        {"AWS_CONFIG_FILE": __file__},
        "boto3's configuration cannot be read",
        "check ~/.aws and AWS_CONFIG_FILE",
    ),
    "an unknown setting": (
        {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "somewhere", "AWS_DEFAULT_REGION": "us-east-1"},
        "boto3 gave up (InvalidS3UsEast1RegionalEndpointConfigError)",
        "check AWS_* and ~/.aws",
    ),
    "an invalid address": (
        {"AWS_ENDPOINT_URL": "somewhere", "AWS_DEFAULT_REGION": "us-east-1"},
        "AWS_ENDPOINT_URL is not an address",
        "set it to an address such as https://s3.example.org",
    ),
}


@pytest.mark.parametrize(("variables", "sentence", "hint"), ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_an_invalid_environment(variables, sentence, hint, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(StoreError) as error:
        opened().read(KEY)

    assert (error.value.message, error.value.hint) == (f"s3://models/embedded: {sentence}", hint)


def test_an_unreachable_proxy(moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@127.0.0.1:1")

    with pytest.raises(StoreError, match=": the proxy cannot be reached") as error:
        opened().read(KEY)

    assert error.value.hint == "check HTTPS_PROXY and NO_PROXY"
    assert "hunter2" not in error.value.message


@pytest.fixture(params=[pytest.param("swift", marks=pytest.mark.swift), "moto"])
def behind_tls(request, tmp_path, monkeypatch):
    """A bucket behind an untrusted certificate: its name and the certificate."""
    cloud, certificate = request.getfixturevalue(f"{request.param}_cloud"), write_certificate(tmp_path / "own.pem")
    with serving(relay(cloud.url), certificate) as server:
        sign_in(monkeypatch, cloud.behind(server.url))
        yield cloud.new_bucket(), certificate


def test_an_untrusted_certificate(behind_tls):
    bucket, _ = behind_tls

    with pytest.raises(StoreError, match=": the certificate is not trusted") as error:
        opened(bucket).read(KEY)

    assert error.value.hint == "for a private certificate authority, set AWS_CA_BUNDLE to its certificates"


def test_aws_ca_bundle_is_trusted(behind_tls, monkeypatch, source):
    """Over TLS, boto3 sends the body in chunks, followed by its checksum; both servers accept that."""
    bucket, certificate = behind_tls
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))

    opened(bucket).create(KEY, source(b"over TLS"))

    assert opened(bucket).read(KEY).data == b"over TLS"


ELSEWHERE = {
    "error response": refusal(400, "AuthorizationHeaderMalformed", Region="eu-central-1"),
    "redirect": refusal(301, "PermanentRedirect").with_headers(x_amz_bucket_region="eu-central-1"),
}


@pytest.mark.parametrize("answer", ELSEWHERE.values(), ids=list(ELSEWHERE))
def test_a_bucket_in_another_region(answer, moto_store, moto_proxy):
    moto_proxy.fails(responds_with(answer), times=9)

    with pytest.raises(StoreError) as error:
        moto_store.read(KEY)

    assert error.value.message == f"{moto_store.url}: the bucket is in another region"
    assert error.value.hint == "AWS_DEFAULT_REGION=eu-central-1"


def test_a_server_that_redirects_every_request(refused, moto_store, moto_proxy):
    moto_proxy.fails(responds_with_status(301, Location="https://127.0.0.1:1/"), times=999)

    error = refused(moto_store)

    assert error.message.endswith(": the server redirects every request")
    assert error.hint == "check AWS_ENDPOINT_URL: should it be https?"


CODES = {
    (403, "ExpiredToken"): ("the credentials have expired", "sign in again, for example: aws sso login"),
    (403, "RequestTimeTooSkewed"): (
        "the clocks of this machine and the server differ",
        "set the clock: timedatectl",
    ),
    (501, "NotImplemented"): (
        "the server does not support the request",
        "is AWS_ENDPOINT_URL the address of an S3 API?",
    ),
    (400, "XAmzContentSHA256Mismatch"): (
        "the server does not accept checksums: XAmzContentSHA256Mismatch",
        "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required",
    ),
}


@pytest.mark.parametrize(("answer", "explanation"), CODES.items(), ids=[code for _, code in CODES])
def test_error_codes_are_explained(answer, explanation, moto_store, moto_proxy):
    moto_proxy.fails(responds_with(refusal(*answer, Message="a secret")), times=9)

    with pytest.raises(StoreError) as error:
        moto_store.read(KEY)

    assert error.value.message == f"{moto_store.url}/{KEY}: {explanation[0]} ({answer[1]})"
    assert error.value.hint == explanation[1]


def test_an_unknown_error_code(refused, moto_store, moto_proxy):
    moto_proxy.fails(responds_with(Answer(status=418)), times=9)

    assert refused(moto_store).message.endswith(": the server refused: I'm a Teapot (418)")


def test_the_message_of_an_unknown_error_code_is_quoted_without_secrets(moto_store, moto_proxy):
    secrets = "AKIAIOSFODNN7EXAMPLE and https://host/a?X-Amz-Signature=abc and Credential=me/20260101, Signature=fe5f80"
    moto_proxy.fails(responds_with(refusal(400, "QuotaExceeded", Message=f"no space left for {secrets}")), times=9)

    with pytest.raises(StoreError) as error:
        moto_store.read(KEY)

    quoted = "no space left for *** and https://host/a?*** and Credential=***, Signature=***"
    assert error.value.message == f"{moto_store.url}/{KEY}: the server refused: {quoted} (QuotaExceeded)"


@pytest.mark.parametrize("operation", ["read", "read_range", "versions", "create", "digest"], indirect=True)
def test_a_web_page_instead_of_an_s3_response(refused, moto_store, moto_proxy):
    moto_proxy.fails(responds_with(Answer(status=200, body=b"<!doctype html><p>Welcome!")), times=9)

    assert refused(moto_store).message.startswith(moto_store.url)


def test_an_upload_response_without_an_id(moto_store, moto_proxy, source):
    moto_proxy.fails(responds_with(Answer(status=200)), when=lambda request: request.path.endswith("?uploads"))

    with pytest.raises(StoreError, match=r"the server's response has no UploadId$") as error:
        moto_store.create(KEY, source(noise(PART + 7)))

    assert error.value.hint == "is AWS_ENDPOINT_URL the address of an S3 API?"


def test_an_invalid_bucket_name(moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)

    with pytest.raises(
        StoreError, match=r"^s3://NO_BUCKET!/embedded.*: the name of the bucket or the object is invalid"
    ) as error:
        opened("NO_BUCKET!").read(KEY)

    assert error.value.hint == "check the address of the store"
