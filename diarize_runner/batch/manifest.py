"""A list of recordings: JSON Lines, each an object with the key of a recording, and what is known about it.

    {"key": "calls/1.wav"}
    {"key": "calls/2.wav", "transcript": "calls/2.json", "min_speakers": 2, "max_speakers": 4}
    {"key": "calls/3.wav", "num_speakers": 2}

Keys are relative to the store. The store is listed once, since only a listing has the size and state of many objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from diarize_runner.batch.inputs import InputRecording
from diarize_runner.cache.documents.canonical import parse
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import ManifestError, ObjectNotFound
from diarize_runner.store.protocol import StoredObject, WritableArchiveStore

_NUMBERS = {"num_speakers": "exactly", "min_speakers": "at_least", "max_speakers": "at_most"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line."""

    key: str
    transcript: str | None
    hints: SpeakerHints | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingList:
    """The lines of a file."""

    name: str
    """In errors."""
    entries: tuple[Entry, ...]

    @classmethod
    def parse(cls, data: bytes, name: str) -> "RecordingList":
        """Parse a file; empty lines are skipped. Raises ManifestError."""
        lines = enumerate(data.splitlines(), start=1)
        entries = tuple(_parse_line(parse(line, f"{name}, line {number}")) for number, line in lines if line.strip())
        if repeated := _first_repeated([entry.key for entry in entries]):
            raise ManifestError(f"{name}: {repeated!r} is listed twice", hint="keep one line for each recording")
        return cls(name=name, entries=entries)

    def recordings(self, store: WritableArchiveStore, transcripts: WritableArchiveStore) -> Iterator[InputRecording]:
        """Yield the listed recordings, in the order of the store.

        Raises:
            ObjectNotFound: the store lacks one; those that it has were yielded before.
        """
        missing = {entry.key: entry for entry in self.entries}
        texts = self._find_transcripts(transcripts)
        for found in store.objects(""):
            if entry := missing.pop(found.key, None):
                text = texts[entry.transcript] if entry.transcript else None
                yield InputRecording(audio=found, transcript=text, hints=entry.hints)
        if missing:
            raise ObjectNotFound(
                f"{store.url} lacks {len(missing)} of the recordings in {self.name}, such as {min(missing)!r}",
                hint="check the keys: they are relative to the store, which --base names",
            )

    def _find_transcripts(self, store: WritableArchiveStore) -> dict[str, StoredObject]:
        wanted = {entry.transcript for entry in self.entries if entry.transcript}
        found = {each.key: each for each in store.objects("") if each.key in wanted} if wanted else {}
        if lacking := wanted.difference(found):
            raise ObjectNotFound(
                f"{store.url} lacks the transcript {min(lacking)!r} of {self.name}",
                hint="check the keys of transcripts",
            )
        return found


def _parse_line(line: Node) -> Entry:
    fields = line.fields(["key"], optional=["transcript", *_NUMBERS])
    numbers = {known: fields[name].count() for name, known in _NUMBERS.items() if name in fields}
    if "exactly" in numbers and len(numbers) > 1:
        raise line.error("num_speakers excludes min_speakers and max_speakers")
    if 0 in numbers.values() or numbers.get("at_least", 0) > numbers.get("at_most", max(numbers.values(), default=0)):
        raise line.error("no recording has that number of speakers")
    return Entry(
        key=fields["key"].text(),
        transcript=fields["transcript"].text() if "transcript" in fields else None,
        hints=SpeakerHints(**numbers) if numbers else None,
    )


def _first_repeated(keys: list[str]) -> str | None:
    seen = set[str]()
    return next((key for key in keys if key in seen or seen.add(key)), None)  # type: ignore[func-returns-value]
