"""S3Store: objects under a prefix of a bucket, written with S3's conditional writes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from s3transfer.exceptions import S3CopyFailedError
from urllib3.exceptions import HTTPError

from diarize_runner.digests import Digest, write_and_hash
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError, SwapConflict
from diarize_runner.store.protocol import MAX_DOCUMENT_BYTES, StoredDocument, StoredObject
from diarize_runner.store.remote import (
    CHUNK,
    RangeResponse,
    RetryPolicy,
    TransientStoreError,
    parse_object_size,
    read_chunks,
    read_resuming,
    request_with_timeout,
    retry,
)
from diarize_runner.store.s3.denied import missing_if_unlisted
from diarize_runner.store.s3.errors import IS_IT_S3, ErrorTranslator
from diarize_runner.store.s3.upload import Condition, Target, upload
from diarize_runner.store.size_limit import read_limited
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_log = logging.getLogger(__name__)

_MAX_CONNECTIONS = 16
"""More than the parallel reads of a restore, so that none waits for a connection."""
_MARK = "swap"
_BROKEN_BODY = (BotoCoreError, HTTPError, OSError, ValueError)
"""Errors of a body that breaks off; ssl raises ValueError when the socket was shut down just before the read."""
_WHOLE_OBJECT = 1 << 50
"""Bytes: more than the largest object."""


class S3Store:
    """Objects under a prefix of a bucket. The server checks that a key is new, or that an object is unchanged."""

    _if_absent: ClassVar[Condition] = {"IfNoneMatch": "*"}

    def __init__(self, client: "S3Client", bucket: str, prefix: str, retry_policy: RetryPolicy) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._client, self._bucket, self._prefix, self._retry_policy = client, bucket, prefix, retry_policy
        self._translator = ErrorTranslator(url=self.url, endpoint=_without_credentials(client.meta.endpoint_url))

    @classmethod
    def at(cls, url: str, retry_policy: RetryPolicy) -> "S3Store":
        """Return the store at `s3://bucket/prefix`; raise StoreError when boto3's configuration is invalid."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        try:
            with ErrorTranslator(url=url, endpoint="").translate():
                client = _client(retry_policy)
        except ValueError as reason:
            raise StoreError(
                f"{url}: AWS_ENDPOINT_URL is not an address", hint="set it to an address such as https://s3.example.org"
            ) from reason
        return cls(client, bucket, prefix.strip("/"), retry_policy)

    def read(self, key: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> StoredDocument:
        """See ArchiveStore."""
        return retry(lambda: self._read(key, max_bytes), self._retry_policy)

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore."""
        return read_resuming(
            lambda start, count: self._request_range(key, start, count), offset, length, self._retry_policy
        )

    def list_folders(self, prefix: str, *, containing: str) -> Iterable[str]:
        """See ArchiveStore."""
        return [found for found in self._folders(prefix) if self._exists(f"{found}/{containing}")]

    def create(self, key: str, source: Path) -> None:
        """See WritableArchiveStore."""
        retry(lambda: self._create(key, source), self._retry_policy)

    def copy(self, source: str, key: str) -> None:
        """See WritableArchiveStore. The server copies; nothing is downloaded."""
        retry(lambda: self._copy(source, key), self._retry_policy)

    def keys(self, prefix: str) -> Iterable[str]:
        """See WritableArchiveStore."""
        return (found.key for found in self.objects(prefix))

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """See WritableArchiveStore. Reads one page of the listing at a time: 1000 objects."""
        own = self._key("")
        with self._translator.translate():
            paginator = self._client.get_paginator("list_objects_v2")
            for page in paginator.paginate(Bucket=self._bucket, Prefix=self._key(prefix)):
                for found in page.get("Contents", []):
                    yield StoredObject(key=found["Key"].removeprefix(own), size=found["Size"], state=found["ETag"])

    def find(self, key: str) -> StoredObject:
        """See WritableArchiveStore."""
        with self._reading(key):
            found = self._client.head_object(**self._target(key))
        return StoredObject(key=key, size=found["ContentLength"], state=found["ETag"])

    def delete(self, key: str) -> None:
        """See WritableArchiveStore."""
        with self._translator.translate(key):
            self._client.delete_object(**self._target(key))

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore."""
        condition: Condition = {"IfMatch": expected.state} if expected else self._if_absent
        mark = uuid4().hex
        try:
            retry(lambda: self._put(key, data, condition, mark), self._retry_policy)
        except (SwapConflict, ObjectNotFound):
            # boto3 repeats a request whose response was lost; the conflict may be with our own write.
            if self._read_mark(key) != mark:
                raise self._swap_conflict(key) from None

    def size(self, key: str) -> int:
        """See WritableArchiveStore."""
        with self._reading(key):
            return self._client.head_object(**self._target(key))["ContentLength"]

    def digest(self, key: str) -> Digest:
        """See WritableArchiveStore. Reads the whole object: the ETag of a multipart upload is not its digest."""
        return write_and_hash(self.read_range(key, 0, _WHOLE_OBJECT), None).digest

    def _read(self, key: str, max_bytes: int) -> StoredDocument:
        with self._reading(key):
            response = request_with_timeout(
                lambda: self._client.get_object(**self._target(key)),
                self._translator.object_url(key),
                self._retry_policy,
            )
            state = response["ETag"]
        with closing(self._iter_body(key, response["Body"])) as chunks:
            data = read_limited(chunks, max_bytes, self._translator.object_url(key))
        return StoredDocument(data=data, state=state)

    def _read_if_present(self, key: str) -> StoredDocument | None:
        with suppress(ObjectNotFound):
            return self.read(key)
        return None

    def _request_range(self, key: str, offset: int, length: int) -> RangeResponse | None:
        byte_range = f"bytes={offset}-{offset + length - 1}"
        _log.debug("GET %s %s", self._translator.object_url(key), byte_range)
        with self._reading(key):
            try:
                response = request_with_timeout(
                    lambda: self._client.get_object(Range=byte_range, **self._target(key)),
                    self._translator.object_url(key),
                    self._retry_policy,
                )
            except ClientError as reason:
                if reason.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return None
                raise
        object_url, body = self._translator.object_url(key), response["Body"]
        try:
            total = parse_object_size(response.get("ContentRange", ""), offset)
        except ValueError as reason:
            body.close()
            raise StoreError(
                f"{object_url}: the server handles range requests wrongly: {reason}", hint=IS_IT_S3
            ) from None
        return RangeResponse(object_url=object_url, total=total, body=self._iter_body(key, body))

    def _iter_body(self, key: str, body: StreamingBody) -> Generator[bytes]:
        """Yield a body. boto3 retries failed requests, but does not resume a body that broke off."""
        stop = body._raw_stream.shutdown  # type: ignore[attr-defined]  # noqa: SLF001  # no public API ends a read
        with closing(body):
            yield from read_chunks(
                lambda: body.read(CHUNK), stop, self._translator.object_url(key), self._retry_policy, _BROKEN_BODY
            )

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        """Translate errors of a request for an object that may be missing."""
        missing = self._translator.not_found(key)
        with missing_if_unlisted(self._client, self._target(key), missing), self._translator.translate(key):
            yield

    def _exists(self, key: str) -> bool:
        try:
            self.size(key)
        except ObjectNotFound:
            return False
        return True

    def _folders(self, prefix: str) -> Iterator[str]:
        own = self._key("")
        with self._translator.translate():
            paginator = self._client.get_paginator("list_objects_v2")
            for page in paginator.paginate(Bucket=self._bucket, Prefix=self._key(prefix), Delimiter="/"):
                yield from (found["Prefix"].removeprefix(own)[:-1] for found in page.get("CommonPrefixes", []))

    def _create(self, key: str, source: Path) -> None:
        """Check first: this saves a useless upload, and protects objects on a server that ignores conditions."""
        if self._exists(key):
            raise self._already_exists(key)
        self._upload(key, source, self._if_absent)

    def _upload(self, key: str, source: Path, condition: Condition) -> None:
        _log.debug("PUT %s from %s", self._translator.object_url(key), source)
        with self._translator.translate(key, unmet=self._already_exists(key) if condition else None):
            upload(self._client, source, self._target(key), condition)

    def _copy(self, source: str, key: str) -> None:
        with self._reading(source):
            try:
                self._client.copy({"Bucket": self._bucket, "Key": self._key(source)}, self._bucket, self._key(key))
            except S3CopyFailedError as reason:
                raise TransientStoreError(
                    f"{self._translator.object_url(source)} changed while it was copied", hint="run again"
                ) from reason

    def _put(self, key: str, data: bytes, condition: Condition, mark: str) -> None:
        _log.debug("PUT %s, %d bytes", self._translator.object_url(key), len(data))
        with self._translator.translate(key, unmet=self._swap_conflict(key) if condition else None):
            self._client.put_object(Body=data, Metadata={_MARK: mark}, **self._target(key), **condition)

    def _read_mark(self, key: str) -> str | None:
        """Return the mark of the last swap of `key`; data alone cannot tell two writers apart."""
        with suppress(ObjectNotFound), self._reading(key):
            return self._client.head_object(**self._target(key))["Metadata"].get(_MARK)
        return None

    def _already_exists(self, key: str) -> ObjectExists:
        return ObjectExists(f"{self.url} already has {key}", hint="build with a new --version")

    def _swap_conflict(self, key: str) -> SwapConflict:
        return SwapConflict(
            f"{key} in {self.url} was changed by another writer", hint="check the object, then run again"
        )

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _target(self, key: str) -> Target:
        return {"Bucket": self._bucket, "Key": self._key(key)}


class UnconditionalS3Store(S3Store):
    """S3Store for a server without conditional writes: it reads, then writes.

    A write in between is lost silently, so only one publisher may run at a time.
    """

    _if_absent: ClassVar[Condition] = {}

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore and the class."""
        found = self._read_if_present(key)
        if (found.state if found else None) != (expected.state if expected else None):
            raise self._swap_conflict(key)
        self._put(key, data, {}, uuid4().hex)


def _client(retry_policy: RetryPolicy) -> "S3Client":
    config = Config(
        connect_timeout=retry_policy.connect_timeout,
        read_timeout=retry_policy.read_timeout,
        retries={"mode": "standard", "total_max_attempts": retry_policy.max_attempts},
        max_pool_connections=_MAX_CONNECTIONS,
        user_agent_extra=f"diarize-runner/{__version__}",
    )
    return Session().client("s3", config=config)


def _without_credentials(endpoint: str) -> str:
    """Return the address without its user and password."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
