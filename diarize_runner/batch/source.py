"""INPUT: a folder, a prefix of a bucket, or a list of recordings in either."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from diarize_runner.batch.inputs import InputRecording, list_recordings, list_transcripts
from diarize_runner.batch.manifest import RecordingList
from diarize_runner.bounds import MAX_FILE_BYTES
from diarize_runner.cache.documents.canonical import parse, serialise
from diarize_runner.errors import UsageError
from diarize_runner.store.address import open_listable_store
from diarize_runner.store.protocol import WritableArchiveStore

LIST_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSource:
    """Where the recordings are."""

    base: str
    """Address of the store of the recordings."""
    listed: str | None = None
    """Address of a list of recordings in JSON Lines; None for every recording of the store."""
    transcripts: str | None = None
    """Address of the store of the transcripts; None for none, or for those that the list names beside recordings."""

    @classmethod
    def of(cls, text: str, *, base: str | None, transcripts: str | None) -> "InputSource":
        """Return what a command line names; the base of a list is its folder, unless another is named.

        Raises:
            UsageError: a base is named without a list.
        """
        found = transcripts and address_of(transcripts)
        if not text.endswith(LIST_SUFFIX):
            if base:
                hint = f"name a list of recordings as INPUT, such as calls{LIST_SUFFIX}"
                raise UsageError("--base requires a list of recordings", hint=hint)
            return cls(base=address_of(text), transcripts=found)
        listed = address_of(text)
        return cls(base=address_of(base) if base else listed.rpartition("/")[0], listed=listed, transcripts=found)

    @property
    def shown(self) -> str:
        """Return the address of INPUT."""
        return self.listed or self.base

    def encode(self) -> bytes:
        """Return the JSON."""
        return serialise(asdict(self))

    @classmethod
    def decode(cls, data: bytes, document: str) -> "InputSource":
        """Parse what `encode` returned. Raises ManifestError."""
        fields = parse(data, document).fields(["base", "listed", "transcripts"])
        known = {name: field.text() for name, field in fields.items() if field.value is not None}
        return cls(base=fields["base"].text(), listed=known.get("listed"), transcripts=known.get("transcripts"))

    def open(self) -> WritableArchiveStore:
        """Return the store of the recordings. Raises UsageError."""
        return open_listable_store(self.base)

    def open_transcripts(self) -> WritableArchiveStore:
        """Return the store of the transcripts. Raises UsageError."""
        return open_listable_store(self.transcripts or self.base)

    def recordings(self) -> Iterator[InputRecording]:
        """Yield every recording, while the store is listed.

        Raises:
            StoreError: the store cannot be listed, or lacks a recording of the list.
            ManifestError: the list is invalid.
        """
        if self.listed:
            yield from self._read_list(self.listed).recordings(self.open(), self.open_transcripts())
        else:
            transcripts = list_transcripts(self.open_transcripts()) if self.transcripts else {}
            yield from list_recordings(self.open(), transcripts)

    def _read_list(self, address: str) -> RecordingList:
        folder, _, name = address.rpartition("/")
        return RecordingList.parse(open_listable_store(folder).read(name, MAX_FILE_BYTES).data, name)


def address_of(text: str) -> str:
    """Return the address of a store; of a folder, `file://` and its absolute path."""
    return text if "://" in text else Path(text).absolute().as_uri()
