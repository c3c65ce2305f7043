"""A refusal names the action and what decided, and the hint is about that: not about what its code suggests."""

import pytest
from botocore.exceptions import ClientError
from support.aws_refusals import refusals_of
from support.buckets import refusal
from support.web import Answer, responds_with

from diarize_runner.errors import DiskError, StoreError
from diarize_runner.store.s3.errors import ErrorTranslator

pytestmark = pytest.mark.usefixtures("isolated_environment")

KEY = "v1.0/object"
SECRET = "AKIAIOSFODNN7EXAMPLE"


def error_of(store, operation, source):
    run = (lambda: store.create(KEY, source(b"x"))) if operation == "PutObject" else (lambda: store.read(KEY))
    with pytest.raises(StoreError) as error:
        run()
    return error.value


def require(error, met):
    assert met.sentence in error.message
    assert met.hint in error.hint
    assert "Encoded authorization" not in error.message


@pytest.mark.parametrize("met", refusals_of("s3"), ids=str)
def test_a_refusal_of_a_bucket(met, moto_store, moto_proxy, source):
    method = "PUT" if met.operation == "PutObject" else "GET"
    answer = refusal(met.status, met.code, Message=met.xml_message, StringToSign=f"AWS4-HMAC-SHA256 {SECRET}")
    moto_proxy.fails(responds_with(answer), times=9, when=lambda request: request.method == method)

    error = error_of(moto_store, met.operation, source)

    require(error, met)
    assert SECRET not in error.message + error.hint
    if met.code != "NotImplemented" or "checksum" in met.sentence:
        assert "conditional" not in error.message


@pytest.mark.parametrize(
    ("header", "sentence"),
    [("x-amz-checksum-crc32", "does not accept checksums"), ("If-None-Match", "does not support conditional writes")],
)
def test_a_header_that_is_not_implemented_is_told_apart(header, sentence, moto_store, moto_proxy, source):
    message = "A header you provided implies functionality that is not implemented."
    answer = refusal(501, "NotImplemented", Message=message, Header=header)
    moto_proxy.fails(responds_with(answer), times=9, when=lambda request: request.method == "PUT")

    assert sentence in error_of(moto_store, "PutObject", source).message


@pytest.fixture
def web_identity(moto_store, monkeypatch, tmp_path):
    """Credentials that boto3 gets from sts for a token in a file, once for each new client."""
    (tmp_path / "token").write_text("eyJhbGciOiJSUzI1NiJ9.e30.secret")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/boxes")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    return lambda: type(moto_store).at(moto_store.url, moto_store._retry_policy)


@pytest.mark.parametrize("met", refusals_of("sts"), ids=str)
def test_a_refusal_of_the_token_of_a_bucket_s_credentials(met, web_identity, moto_proxy, source):
    inner = f"<Error><Type>Sender</Type><Code>{met.code}</Code><Message>{met.xml_message}</Message></Error>"
    answer = Answer(
        status=met.status, headers={"Content-Type": "text/xml"}, body=f"<ErrorResponse>{inner}</ErrorResponse>".encode()
    )
    moto_proxy.fails(responds_with(answer), times=9)

    error = error_of(web_identity(), "GetObject", source)

    require(error, met)
    assert "eyJ" not in error.message + error.hint


def test_a_missing_token_file(web_identity, monkeypatch, source):
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/no/token")

    error = error_of(web_identity(), "GetObject", source)

    assert "/var/run/secrets/no/token cannot be read: No such file or directory" in error.message
    assert error.hint == "check AWS_WEB_IDENTITY_TOKEN_FILE"


def test_a_missing_certificate_file(moto_store, monkeypatch, source):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/certificates.pem")

    error = error_of(type(moto_store).at(moto_store.url, moto_store._retry_policy), "GetObject", source)

    assert error.message.startswith(moto_store.url)
    assert error.hint


def test_a_missing_source_is_an_error_of_the_disk_and_not_of_the_credentials(moto_store, tmp_path):
    with pytest.raises(DiskError, match="nothing: No such file or directory"):
        moto_store.create(KEY, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("endpoint", "doubts"), [("https://s3.us-east-1.amazonaws.com", False), ("https://s3.example.org", True)]
)
def test_only_a_server_other_than_aws_may_mean_a_checksum_by_a_wrong_signature(endpoint, doubts):
    reason = ClientError({"Error": {"Code": "SignatureDoesNotMatch", "Message": "no"}}, "PutObject")
    with pytest.raises(StoreError) as error, ErrorTranslator(url="s3://models", endpoint=endpoint).translate(KEY):
        raise reason
    assert ("when_required" in error.value.hint) == doubts
