"""Tell a missing object from a denied request, if the policy allows to list only the store's prefix.

S3 answers 404 for a missing object only if s3:ListBucket is allowed, and otherwise 403. A GET or HEAD has no s3:prefix,
so a condition on it makes S3 answer 403, too: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from diarize_runner.errors import ObjectNotFound
from diarize_runner.store.s3.errors import AccessDeniedError
from diarize_runner.store.s3.upload import Target

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@contextmanager
def missing_if_unlisted(client: "S3Client", target: Target, missing: ObjectNotFound) -> Iterator[None]:
    """Raise `missing` for an AccessDeniedError if a listing succeeds, and does not contain the object."""
    try:
        yield
    except AccessDeniedError:
        if _is_unlisted(client, target):
            raise missing from None
        raise


def _is_unlisted(client: "S3Client", target: Target) -> bool:
    """Whether a listing succeeds without the object, whose key would be the first in it."""
    try:
        listed = client.list_objects_v2(Bucket=target["Bucket"], Prefix=target["Key"], MaxKeys=1)
    except (BotoCoreError, ClientError):
        return False
    return target["Key"] not in [found["Key"] for found in listed.get("Contents", [])]
