"""Write a file of any size as one object, seen whole or not at all.

Done here because boto3's own `upload_file` refuses conditions: https://github.com/boto/boto3/issues/4366
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART = 16 << 20
"""Bytes that go up in one request. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html has the limits."""
_CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".txt": "text/plain; charset=utf-8"}
"""pip reads no page that a web server in front of a bucket does not call one."""
_ANY_TYPE = "application/octet-stream"
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


class _Checksum(TypedDict, total=False):
    ChecksumAlgorithm: Literal["CRC32"]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """An upload in parts, which nobody sees before it is completed."""

    client: "S3Client"
    target: Target
    checksum: _Checksum
    id: str

    @classmethod
    def begin(cls, client: "S3Client", target: Target) -> "_Parts":
        """Begin one. AWS wants to be told here of the checksum that boto3 adds to each part, unless it is told not to.

        As s3transfer does: `set_default_checksum_algorithm` in its utils.py.
        """
        wanted = getattr(client.meta.config, "request_checksum_calculation", None) == "when_supported"
        checksum: _Checksum = {"ChecksumAlgorithm": "CRC32"} if wanted else {}
        begun = client.create_multipart_upload(ContentType=_content_type(target), **target, **checksum)
        return cls(client=client, target=target, checksum=checksum, id=begun["UploadId"])

    def send(self, source: Path, part: _Part) -> "CompletedPartTypeDef":
        """Upload a part; return what completing the upload says of it, which for AWS includes its checksum."""
        answer = self.client.upload_part(
            Body=part.read(source), PartNumber=part.number, UploadId=self.id, **self.target, **self.checksum
        )
        sent: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": answer["ETag"]}
        if "ChecksumCRC32" in answer:
            sent["ChecksumCRC32"] = answer["ChecksumCRC32"]
        return sent

    def complete(self, sent: "list[CompletedPartTypeDef]", condition: Condition) -> None:
        """Make the parts an object."""
        self.client.complete_multipart_upload(
            UploadId=self.id, MultipartUpload={"Parts": sent}, **self.target, **condition
        )

    def abort(self) -> None:
        """Remove the parts, if the server lets us."""
        with suppress(BotoCoreError, ClientError):
            self.client.abort_multipart_upload(UploadId=self.id, **self.target)


def upload(client: "S3Client", source: Path, target: Target, condition: Condition) -> None:
    """Write `source`, in parts where it is large; raises what boto3 does, and OSError when `source` cannot be read."""
    size = source.stat().st_size
    if size <= PART:
        client.put_object(Body=source.read_bytes(), ContentType=_content_type(target), **target, **condition)
    else:
        _upload_in_parts(_Parts.begin(client, target), source, size, condition)


def _content_type(target: Target) -> str:
    return _CONTENT_TYPES.get(PurePosixPath(target["Key"]).suffix, _ANY_TYPE)


def _upload_in_parts(parts: _Parts, source: Path, size: int, condition: Condition) -> None:
    pool = ThreadPoolExecutor(max_workers=_CONNECTIONS)
    try:
        sent = [pool.submit(parts.send, source, part) for part in _cut(size)]
        parts.complete([each.result() for each in sent], condition)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        parts.abort()
        raise
    finally:
        pool.shutdown()


def _cut(size: int) -> list[_Part]:
    length = max(PART, -(-size // _MOST_PARTS))
    starts = enumerate(range(0, size, length), start=1)
    return [_Part(number=number, offset=at, length=min(length, size - at)) for number, at in starts]
