"""Write a file of any size as one object, seen whole or not at all.

Done here because boto3's own `upload_file` refuses conditions: https://github.com/boto/boto3/issues/4366
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

PART = 16 << 20
"""Bytes that go up in one request. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html has the limits."""
_MOST_PARTS = 10_000
_CONNECTIONS = 4


class Target(TypedDict):
    """Where an object goes."""

    Bucket: str
    Key: str


class Condition(TypedDict, total=False):
    """What has to be true of the object that is there."""

    IfMatch: str
    IfNoneMatch: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A piece of the file."""

    number: int
    """Counted from 1."""
    offset: int
    length: int

    def read(self, source: Path) -> bytes:
        with source.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


def upload(client: "S3Client", source: Path, target: Target, condition: Condition) -> None:
    """Write `source`, in parts where it is large; raises what boto3 does, and OSError when `source` cannot be read."""
    size = source.stat().st_size
    if size <= PART:
        client.put_object(Body=source.read_bytes(), **target, **condition)
    else:
        _upload_in_parts(client, source, target, condition)


def _upload_in_parts(client: "S3Client", source: Path, target: Target, condition: Condition) -> None:
    """Upload parts, which nobody sees, and make them the object; they are removed when anything goes wrong."""
    begun = client.create_multipart_upload(**target)["UploadId"]
    pool = ThreadPoolExecutor(max_workers=_CONNECTIONS)
    try:
        sent = [pool.submit(_send, client, source, part, target, begun) for part in _parts(source.stat().st_size)]
        done: CompletedMultipartUploadTypeDef = {"Parts": [each.result() for each in sent]}
        client.complete_multipart_upload(UploadId=begun, MultipartUpload=done, **target, **condition)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(UploadId=begun, **target)
        raise
    finally:
        pool.shutdown()


def _parts(size: int) -> list[_Part]:
    length = max(PART, -(-size // _MOST_PARTS))
    starts = enumerate(range(0, size, length), start=1)
    return [_Part(number=number, offset=at, length=min(length, size - at)) for number, at in starts]


def _send(client: "S3Client", source: Path, part: _Part, target: Target, begun: str) -> "CompletedPartTypeDef":
    data = part.read(source)
    answer = client.upload_part(Body=data, PartNumber=part.number, UploadId=begun, **target)
    return {"PartNumber": part.number, "ETag": answer["ETag"]}
