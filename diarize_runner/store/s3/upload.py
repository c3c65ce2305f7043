"""Upload a file of any size as one object, atomically.

boto3's `upload_file` does not accept conditions: https://github.com/boto/boto3/issues/4366
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from diarize_runner.disk import disk_errors

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART = 16 << 20
"""Bytes of one upload request. Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_CONTENT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".txt": "text/plain; charset=utf-8"}
"""pip ignores a page that a web server in front of the bucket does not serve as text/html."""
_DEFAULT_CONTENT_TYPE = "application/octet-stream"
_MAX_PARTS = 10_000
_CONNECTIONS = 4


class Target(TypedDict):
    """The destination of an upload."""

    Bucket: str
    Key: str


class Condition(TypedDict, total=False):
    """Precondition on the existing object."""

    IfMatch: str
    IfNoneMatch: str


class _Checksum(TypedDict, total=False):
    ChecksumAlgorithm: Literal["CRC32"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A part of the file."""

    number: int
    """From 1."""
    offset: int
    length: int

    def read(self, source: Path) -> bytes:
        with disk_errors(source), source.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


@dataclass(frozen=True, kw_only=True, slots=True)
class _MultipartUpload:
    """A multipart upload, invisible until it is completed."""

    client: "S3Client"
    target: Target
    checksum: _Checksum
    id: str

    @classmethod
    def start(cls, client: "S3Client", target: Target) -> "_MultipartUpload":
        """Start an upload, and declare the checksum that boto3 adds to each part unless it is configured not to.

        s3transfer does the same: `set_default_checksum_algorithm` in its utils.py.
        """
        sends_checksum = getattr(client.meta.config, "request_checksum_calculation", None) == "when_supported"
        checksum: _Checksum = {"ChecksumAlgorithm": "CRC32"} if sends_checksum else {}
        created = client.create_multipart_upload(ContentType=_content_type(target), **target, **checksum)
        return cls(client=client, target=target, checksum=checksum, id=created["UploadId"])

    def send(self, source: Path, part: _Part) -> "CompletedPartTypeDef":
        """Upload a part; return its entry for `complete`, with the checksum that AWS requires."""
        response = self.client.upload_part(
            Body=part.read(source), PartNumber=part.number, UploadId=self.id, **self.target, **self.checksum
        )
        completed: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": response["ETag"]}
        if "ChecksumCRC32" in response:
            completed["ChecksumCRC32"] = response["ChecksumCRC32"]
        return completed

    def complete(self, parts: "list[CompletedPartTypeDef]", condition: Condition) -> None:
        """Join the parts into the object."""
        self.client.complete_multipart_upload(
            UploadId=self.id, MultipartUpload={"Parts": parts}, **self.target, **condition
        )

    def abort(self) -> None:
        """Remove the parts, if the server allows it."""
        with suppress(BotoCoreError, ClientError):
            self.client.abort_multipart_upload(UploadId=self.id, **self.target)


def upload(client: "S3Client", source: Path, target: Target, condition: Condition) -> None:
    """Upload `source`, in parts if it is large. Raises boto3's errors, and DiskError when `source` cannot be read."""
    with disk_errors(source):
        size = source.stat().st_size
    if size <= PART:
        body = _Part(number=1, offset=0, length=size).read(source)
        client.put_object(Body=body, ContentType=_content_type(target), **target, **condition)
    else:
        _upload_in_parts(_MultipartUpload.start(client, target), source, size, condition)


def _content_type(target: Target) -> str:
    return _CONTENT_TYPES.get(PurePosixPath(target["Key"]).suffix, _DEFAULT_CONTENT_TYPE)


def _upload_in_parts(multipart: _MultipartUpload, source: Path, size: int, condition: Condition) -> None:
    pool = ThreadPoolExecutor(max_workers=_CONNECTIONS)
    try:
        sent = [pool.submit(multipart.send, source, part) for part in _split(size)]
        multipart.complete([future.result() for future in sent], condition)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        multipart.abort()
        raise
    finally:
        pool.shutdown()


def _split(size: int) -> list[_Part]:
    length = max(PART, -(-size // _MAX_PARTS))
    offsets = enumerate(range(0, size, length), start=1)
    return [_Part(number=number, offset=offset, length=min(length, size - offset)) for number, offset in offsets]
