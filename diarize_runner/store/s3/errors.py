"""What boto3 raises, as the errors of this toolkit: a sentence that says what is wrong, and a hint.

What a server says is never repeated, only its error code: the message of SignatureDoesNotMatch, for one, holds the
request that was signed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store import aws_errors
from diarize_runner.store.aws_errors import REFUSED_CREDENTIALS, Said, by_code
from diarize_runner.store.remote import Passing

_HOW_TO_NAME_CREDENTIALS = (
    f"{aws_errors.HOW_TO_NAME_CREDENTIALS}; a public bucket can be restored from by its https:// address"
)
IS_IT_S3 = "is AWS_ENDPOINT_URL the address of an S3 API?"
_REDIRECTED = "check AWS_ENDPOINT_URL: is it https rather than http?"
_NOT_CONDITIONAL = "publish --without-conditional-writes, and see to it that only one publishes at a time"

_REFUSED = aws_errors.REFUSED | by_code(
    {
        ("NoSuchBucket", "InvalidBucketName"): (
            "there is no such bucket",
            "check the name; AWS_ENDPOINT_URL names a provider other than AWS",
        ),
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: without s3:ListBucket, 403 and not 404.
        ("AccessDenied", "403", "Forbidden", "AllAccessDisabled"): (
            "access was denied, or it is not there: S3 says the same of both to those who may not list",
            "grant s3:ListBucket and s3:GetObject, and to those who publish s3:PutObject and s3:AbortMultipartUpload",
        ),
        REFUSED_CREDENTIALS: ("the credentials were refused", _HOW_TO_NAME_CREDENTIALS),
        ("NotImplemented",): ("the server does not do what was asked", IS_IT_S3),
    }
)
# boto3 follows a redirect to another region by itself; these are left where it could not.
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
# An upload that is gone was completed by a request whose answer was lost, or cleared away: the next try finds out.
_PASSING = {"ConditionalRequestConflict", "OperationAborted", "NoSuchUpload"}
_UNKNOWN_HINT = "a server other than AWS may need AWS_REQUEST_CHECKSUM_CALCULATION=when_required"

_TROUBLE: dict[type[BotoCoreError], Said] = {
    boto.NoCredentialsError: ("no credentials were found", _HOW_TO_NAME_CREDENTIALS),
    boto.PartialCredentialsError: ("the credentials are incomplete", _HOW_TO_NAME_CREDENTIALS),
    boto.ParamValidationError: ("that is no name for a bucket or an object", "check the address of the store"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What errors are about."""

    url: str
    """The store's."""
    endpoint: str
    """The server's, without user or password; empty while it is not known."""

    @contextmanager
    def errors(self, key: str = "", *, unmet: StoreError | None = None) -> Iterator[None]:
        """Turn what boto3 raises about `key` into a StoreError; `unmet` is raised when a condition was not met."""
        try:
            yield
        except ClientError as reason:
            raise self._refusal(reason, key, unmet) from reason
        except BotoCoreError as reason:
            raise self._trouble(reason, key) from reason
        except KeyError as reason:
            raise StoreError(f"{self.of(key)}: the server's answer has no {reason.args[0]}", hint=IS_IT_S3) from reason
        except RecursionError as reason:
            # botocore asks the bucket for its region at every redirect, and that request is redirected too:
            # S3RegionRedirectorv2.get_bucket_region in botocore/utils.py (1.44.5).
            raise StoreError(f"{self.of(key)}: the server redirects everything", hint=_REDIRECTED) from reason

    def _refusal(self, reason: ClientError, key: str, unmet: StoreError | None) -> StoreError:
        code = reason.response["Error"].get("Code", "")
        if unmet and code in ("PreconditionFailed", "412"):
            return unmet
        if unmet and code == "NotImplemented":
            return StoreError(f"{self.of(key)}: the server does not do conditional writes", hint=_NOT_CONDITIONAL)
        if code in ("NoSuchKey", "404"):
            return ObjectNotFound(f"{self.url} has no {key}")
        if code in _PASSING:
            return Passing(f"{self.of(key)}: others wrote at the same time ({code})", hint="run again")
        if code in _ELSEWHERE:
            return StoreError(f"{self.url}: the bucket is in another region", hint=_region_hint(reason))
        sentence, hint = _REFUSED.get(code, ("the server refused", _UNKNOWN_HINT))
        return StoreError(f"{self.of(key)}: {sentence} ({code})", hint=hint)

    def _trouble(self, reason: BotoCoreError, key: str) -> StoreError:
        sentence, hint = _TROUBLE.get(type(reason)) or aws_errors.trouble(reason)
        where = f" ({self.endpoint})" if self.endpoint else ""
        return StoreError(f"{self.of(key)}: {sentence}{where}", hint=hint)

    def of(self, key: str) -> str:
        """Return what errors call an object, or the store."""
        return f"{self.url}/{key}" if key else self.url


def _region_hint(reason: ClientError) -> str:
    headers = reason.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = reason.response["Error"].get("Region") or headers.get("x-amz-bucket-region") or "ITS-REGION"
    return f"AWS_DEFAULT_REGION={region}"
