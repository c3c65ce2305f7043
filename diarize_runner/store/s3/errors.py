"""Translate boto3 errors into StoreError.

Errors quote the server's error code, and the parts of its message that decide. A whole message is quoted, with secrets
masked, only where its code is unknown: the fields of SignatureDoesNotMatch repeat the request.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store import aws_errors
from diarize_runner.store.aws_errors import REFUSED_CREDENTIALS, Explanation, expand_codes
from diarize_runner.store.checksum_refusals import (
    WHEN_REQUIRED,
    checksum_hint,
    find_checksum_refusal,
    may_be_about_checksums,
)
from diarize_runner.store.remote import TransientStoreError
from diarize_runner.unexpected import first_line

_CREDENTIALS_HINT = f"{aws_errors.CREDENTIALS_HINT}; a public bucket can be restored from by its https:// address"
IS_IT_S3 = "is AWS_ENDPOINT_URL the address of an S3 API?"
_REDIRECTED = "check AWS_ENDPOINT_URL: should it be https?"
_NOT_CONDITIONAL = "publish with --without-conditional-writes, one publisher at a time"

_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")

_REFUSED = aws_errors.REFUSED | expand_codes(
    {
        ("NoSuchBucket", "InvalidBucketName"): (
            "the bucket does not exist",
            "check the name; for a provider other than AWS, set AWS_ENDPOINT_URL",
        ),
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: without s3:ListBucket, 403 and not 404.
        _DENIED: (
            "access was denied, or the object does not exist: without s3:ListBucket, S3 answers both alike",
            "grant s3:ListBucket and s3:GetObject; publishers also need s3:PutObject and s3:AbortMultipartUpload",
        ),
        REFUSED_CREDENTIALS: ("the credentials were refused", _CREDENTIALS_HINT),
        ("NotImplemented",): ("the server does not support the request", IS_IT_S3),
    }
)
# boto3 follows redirects to another region; these codes remain when it cannot.
_WRONG_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
# NoSuchUpload: a request whose response was lost completed the upload, or it was cleaned up; a retry shows which.
_TRANSIENT = {"ConditionalRequestConflict", "OperationAborted", "NoSuchUpload"}
_UNKNOWN_HINT = f"a server other than AWS may need {WHEN_REQUIRED}"
_CODES = "see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
_GRANTS = "allow {action} in the policy of these credentials"
_AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_EXPECTED_REGION = re.compile(r"expecting '([a-z0-9-]+)'")

_TRANSPORT_ERRORS: dict[type[BotoCoreError], Explanation] = {
    boto.NoCredentialsError: ("no credentials were found", _CREDENTIALS_HINT),
    boto.PartialCredentialsError: ("the credentials are incomplete", _CREDENTIALS_HINT),
    boto.ParamValidationError: ("the name of the bucket or the object is invalid", "check the address of the store"),
}


class AccessDeniedError(StoreError):
    """The server denied access, or the object does not exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorTranslator:
    """Translates boto3 errors for one store."""

    url: str
    """The store's URL."""
    endpoint: str
    """The server's URL without user and password; empty if unknown."""

    @contextmanager
    def translate(self, key: str = "", *, unmet: StoreError | None = None) -> Iterator[None]:
        """Raise boto3 errors about `key` as StoreError, and `unmet` for a failed precondition."""
        try:
            yield
        except ClientError as reason:
            raise self._refusal(reason, key, unmet) from reason
        except BotoCoreError as reason:
            raise self._transport_error(reason, key) from reason
        except KeyError as reason:
            raise StoreError(
                f"{self.object_url(key)}: the server's response has no {reason.args[0]}", hint=IS_IT_S3
            ) from reason
        except ResponseParserError as reason:
            raise StoreError(f"{self.object_url(key)}: the response is not from S3", hint=IS_IT_S3) from reason
        except OSError as reason:  # boto3 reads tokens and certificates from files
            sentence, hint = aws_errors.explain_file_error(reason)
            raise StoreError(f"{self.object_url(key)}: {sentence}", hint=hint) from reason
        except Boto3Error as reason:
            sentence, hint = aws_errors.explain_unknown_error(reason)
            raise StoreError(f"{self.object_url(key)}: {sentence}", hint=hint) from reason
        except RecursionError as reason:
            # At every redirect botocore asks for the bucket's region, and that request is redirected too:
            # S3RegionRedirectorv2.get_bucket_region in botocore/utils.py (1.44.5).
            raise StoreError(
                f"{self.object_url(key)}: the server redirects every request", hint=_REDIRECTED
            ) from reason

    def _refusal(self, reason: ClientError, key: str, unmet: StoreError | None) -> StoreError:
        code = reason.response["Error"].get("Code", "")
        if unmet and code in ("PreconditionFailed", "412"):
            return unmet
        if explained := self._explain_by_message(reason, code):
            sentence, hint = explained
            kind = AccessDeniedError if code in _DENIED else StoreError
            return kind(f"{self.object_url(key)}: {sentence} ({code})", hint=hint)
        if unmet and code == "NotImplemented":
            return StoreError(
                f"{self.object_url(key)}: the server does not support conditional writes", hint=_NOT_CONDITIONAL
            )
        if code in ("NoSuchKey", "404"):
            return self.not_found(key)
        if code in _TRANSIENT:
            return TransientStoreError(
                f"{self.object_url(key)}: the write conflicts with another one ({code})", hint="run again"
            )
        return self._refusal_by_code(reason, code, key)

    def _explain_by_message(self, reason: ClientError, code: str) -> Explanation | None:
        error = reason.response["Error"]
        message = f"{error.get('Message') or ''} {error.get('Header') or ''}"  # NotImplemented names a header there
        explained = aws_errors.explain_refusal(code, message, reason.operation_name, _GRANTS)
        if explained or not (fragment := find_checksum_refusal(code, message)):
            return explained
        return f"the server does not accept checksums: {fragment}", checksum_hint(fragment)

    def _refusal_by_code(self, reason: ClientError, code: str, key: str) -> StoreError:
        ambiguous = not self._is_aws and may_be_about_checksums(code, reason.operation_name)
        region = _find_region(reason)
        if code in _WRONG_REGION and (region or not ambiguous):
            return StoreError(
                f"{self.url}: the bucket is in another region", hint=f"AWS_DEFAULT_REGION={region or 'ITS-REGION'}"
            )
        sentence, hint = _REFUSED.get(code) or (_quote(reason), _CODES if self._is_aws else _UNKNOWN_HINT)
        if ambiguous and hint != _UNKNOWN_HINT:
            hint = f"{hint}; {_UNKNOWN_HINT}"
        kind = AccessDeniedError if code in _DENIED else StoreError
        return kind(f"{self.object_url(key)}: {sentence} ({code})", hint=hint)

    @property
    def _is_aws(self) -> bool:
        return (urlsplit(self.endpoint).hostname or "").endswith(_AWS_HOSTS)

    def _transport_error(self, reason: BotoCoreError, key: str) -> StoreError:
        sentence, hint = _TRANSPORT_ERRORS.get(type(reason)) or aws_errors.explain_transport_error(reason)
        where = f" ({self.endpoint})" if self.endpoint else ""
        return StoreError(f"{self.object_url(key)}: {sentence}{where}", hint=hint)

    def not_found(self, key: str) -> ObjectNotFound:
        """Return the error for a missing object."""
        return ObjectNotFound(f"{self.url} has no {key}")

    def object_url(self, key: str) -> str:
        """Return the URL of an object, or of the store."""
        return f"{self.url}/{key}" if key else self.url


def _find_region(reason: ClientError) -> str:
    """Return the bucket's region, or an empty string."""
    error, headers = reason.response["Error"], reason.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    expected = _EXPECTED_REGION.search(error.get("Message") or "")
    return str(error.get("Region") or headers.get("x-amz-bucket-region") or (expected[1] if expected else ""))


def _quote(reason: ClientError) -> str:
    message = first_line(reason.response["Error"].get("Message") or "")
    return f"the server refused: {message}" if message else "the server refused"
