"""S3Store: objects under a prefix of a bucket, written by S3's conditional writes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
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

from diarize_runner.digests import Digest, write_hashing
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ObjectExists, ObjectNotFound, StoreError, SwapLost
from diarize_runner.store.protocol import SMALL, StoredDocument
from diarize_runner.store.remote import CHUNK, Part, Passing, Patience, ask_for, chunks, persist, read_on, total_of
from diarize_runner.store.s3.errors import IS_IT_S3, Place
from diarize_runner.store.s3.upload import Condition, Target, upload
from diarize_runner.store.small import read_small
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_POOL = 16
"""Connections at the most: more than a restore reads from at once, so that none waits for another's."""
_MARK = "swap"
_BROKEN = (BotoCoreError, HTTPError, OSError, ValueError)
"""What a body that breaks off raises; ssl raises ValueError, where the socket was stopped just then."""
_LARGEST = 1 << 50
"""Bytes: more than any object has."""


class S3Store:
    """Objects under a prefix of a bucket. The server checks that a name is free, or an object as it was read."""

    _if_absent: ClassVar[Condition] = {"IfNoneMatch": "*"}

    def __init__(self, client: "S3Client", bucket: str, prefix: str, patience: Patience) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._client, self._bucket, self._prefix, self._patience = client, bucket, prefix, patience
        self._place = Place(url=self.url, endpoint=_shown(client.meta.endpoint_url))

    @classmethod
    def at(cls, url: str, patience: Patience) -> "S3Store":
        """Return the store at `s3://bucket/prefix`; raise StoreError when boto3's configuration makes no sense."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        try:
            with Place(url=url, endpoint="").errors():
                client = _client(patience)
        except ValueError as reason:
            raise StoreError(
                f"{url}: AWS_ENDPOINT_URL is no address", hint="such as https://s3.example.org"
            ) from reason
        return cls(client, bucket, prefix.strip("/"), patience)

    def read(self, key: str, most: int = SMALL) -> StoredDocument:
        """See ArchiveStore."""
        return persist(lambda: self._read(key, most), self._patience)

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """See ArchiveStore."""
        return read_on(lambda start, count: self._ask(key, start, count), offset, length, self._patience)

    def folders(self, prefix: str, *, holding: str) -> Iterable[str]:
        """See ArchiveStore."""
        return [found for found in self._folders(prefix) if self._exists(f"{found}/{holding}")]

    def create(self, key: str, source: Path) -> None:
        """See WritableArchiveStore."""
        persist(lambda: self._create(key, source), self._patience)

    def copy(self, source: str, key: str) -> None:
        """See WritableArchiveStore. The server copies: nothing is moved to this machine and back."""
        persist(lambda: self._copy(source, key), self._patience)

    def keys(self, prefix: str) -> Iterable[str]:
        """See WritableArchiveStore."""
        own = self._key("")
        with self._place.errors():
            listed = self._client.get_paginator("list_objects_v2")
            for page in listed.paginate(Bucket=self._bucket, Prefix=self._key(prefix)):
                yield from (found["Key"].removeprefix(own) for found in page.get("Contents", []))

    def delete(self, key: str) -> None:
        """See WritableArchiveStore."""
        with self._place.errors(key):
            self._client.delete_object(**self._target(key))

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore."""
        condition: Condition = {"IfMatch": expected.state} if expected else self._if_absent
        mark = uuid4().hex
        try:
            persist(lambda: self._put(key, data, condition, mark), self._patience)
        except (SwapLost, ObjectNotFound):
            # boto3 sends a request again when the answer was lost. Then it may be our own write that was in the way.
            if self._mark(key) != mark:
                raise self._lost(key) from None

    def size(self, key: str) -> int:
        """See WritableArchiveStore."""
        with self._place.errors(key):
            return self._client.head_object(**self._target(key))["ContentLength"]

    def digest(self, key: str) -> Digest:
        """See WritableArchiveStore. Reads the whole object: an ETag is no digest of what was uploaded in parts."""
        return write_hashing(self.read_range(key, 0, _LARGEST), None).digest

    def _read(self, key: str, most: int) -> StoredDocument:
        with self._place.errors(key):
            answer = ask_for(lambda: self._client.get_object(**self._target(key)), self._place.of(key), self._patience)
            state = answer["ETag"]
        with closing(self._pieces(key, answer["Body"])) as pieces:
            data = read_small(pieces, most, self._place.of(key))
        return StoredDocument(data=data, state=state)

    def _now(self, key: str) -> StoredDocument | None:
        with suppress(ObjectNotFound):
            return self.read(key)
        return None

    def _ask(self, key: str, offset: int, length: int) -> Part | None:
        wanted = f"bytes={offset}-{offset + length - 1}"
        with self._place.errors(key):
            try:
                answer = ask_for(
                    lambda: self._client.get_object(Range=wanted, **self._target(key)),
                    self._place.of(key),
                    self._patience,
                )
            except ClientError as reason:
                if reason.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return None
                raise
        place, body = self._place.of(key), answer["Body"]
        try:
            total = total_of(answer.get("ContentRange", ""), offset)
        except ValueError as reason:
            body.close()
            raise StoreError(f"{place}: the server misreads ranges: {reason}", hint=IS_IT_S3) from None
        return Part(place=place, total=total, pieces=self._pieces(key, body))

    def _pieces(self, key: str, body: StreamingBody) -> Generator[bytes]:
        """Yield a body. boto3 sends a request again when it fails, but does not go on with a body that broke off."""
        stop = body._raw_stream.shutdown  # type: ignore[attr-defined]  # noqa: SLF001  # it has no public way to end a read
        with closing(body):
            yield from chunks(lambda: body.read(CHUNK), stop, self._place.of(key), self._patience, _BROKEN)

    def _exists(self, key: str) -> bool:
        try:
            self.size(key)
        except ObjectNotFound:
            return False
        return True

    def _folders(self, prefix: str) -> Iterator[str]:
        own = self._key("")
        with self._place.errors():
            listed = self._client.get_paginator("list_objects_v2")
            for page in listed.paginate(Bucket=self._bucket, Prefix=self._key(prefix), Delimiter="/"):
                yield from (found["Prefix"].removeprefix(own)[:-1] for found in page.get("CommonPrefixes", []))

    def _create(self, key: str, source: Path) -> None:
        """Look first: that saves an upload in vain, and a server that ignores conditions from overwriting."""
        if self._exists(key):
            raise self._taken(key)
        self._upload(key, source, self._if_absent)

    def _upload(self, key: str, source: Path, condition: Condition) -> None:
        with disk_errors(source), self._place.errors(key, unmet=self._taken(key) if condition else None):
            upload(self._client, source, self._target(key), condition)

    def _copy(self, source: str, key: str) -> None:
        with self._place.errors(source):
            try:
                self._client.copy({"Bucket": self._bucket, "Key": self._key(source)}, self._bucket, self._key(key))
            except S3CopyFailedError as reason:
                raise Passing(f"{self._place.of(source)} changed while it was copied", hint="run again") from reason

    def _put(self, key: str, data: bytes, condition: Condition, mark: str) -> None:
        with self._place.errors(key, unmet=self._lost(key) if condition else None):
            self._client.put_object(Body=data, Metadata={_MARK: mark}, **self._target(key), **condition)

    def _mark(self, key: str) -> str | None:
        """Return what the last swap of `key` was marked with; what was swapped in may be the same as another's."""
        with suppress(ObjectNotFound), self._place.errors(key):
            return self._client.head_object(**self._target(key))["Metadata"].get(_MARK)
        return None

    def _taken(self, key: str) -> ObjectExists:
        return ObjectExists(f"{self.url} already has {key}", hint="publish under a new --version")

    def _lost(self, key: str) -> SwapLost:
        return SwapLost(f"{key} in {self.url} was changed by somebody else", hint="look at it, then run again")

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _target(self, key: str) -> Target:
        return {"Bucket": self._bucket, "Key": self._key(key)}


class UnconditionalS3Store(S3Store):
    """The same for a server without conditional writes, which looks and then writes.

    Who writes between the look and the write is overwritten, and nobody is told: only one may publish at a time.
    """

    _if_absent: ClassVar[Condition] = {}

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """See WritableArchiveStore, and the class."""
        now = self._now(key)
        if (now.state if now else None) != (expected.state if expected else None):
            raise self._lost(key)
        self._put(key, data, {}, uuid4().hex)


def _client(patience: Patience) -> "S3Client":
    config = Config(
        connect_timeout=patience.connect,
        read_timeout=patience.silence,
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        max_pool_connections=_POOL,
        user_agent_extra=f"diarize-runner/{__version__}",
    )
    return Session().client("s3", config=config)


def _shown(endpoint: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
