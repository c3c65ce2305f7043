"""The results of a batch in OUTPUT: each is written once.

    <configuration>/configuration.json         models, engine, options and the digest of voices
    <configuration>/inputs/<digest>.json       the addresses of recordings (source.py)
    <configuration>/results/<name>.json        the result of a recording, and the same in other formats
    <configuration>/attempts/<name>.json       a recording that has no result: how often it was tried (attempts.py)
    <configuration>/progress/<worker>.json     what a process has done so far (progress_log.py)

The JSON of a recording is written last: it says that the recording is done.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.source import InputSource
from diarize_runner.cache.documents.canonical import serialise
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ObjectNotFound, SwapConflict
from diarize_runner.store.protocol import WritableArchiveStore

CONFIGURATION: Final = "configuration.json"
CONFIGURATION_FORMAT: Final = "diarize-runner/batch/1"
_DONE: Final = ".json"
_DIGITS: Final = 16


class Results:
    """The results of one configuration."""

    def __init__(self, store: WritableArchiveStore, configuration: str) -> None:
        self._store, self._folder = store, f"{configuration}/results/"

    def names(self) -> Iterator[str]:
        """Yield the name of every recording that is done."""
        for key in self._store.keys(self._folder):
            if key.endswith(_DONE):
                yield key.removeprefix(self._folder).removesuffix(_DONE)

    def has(self, name: str) -> bool:
        """Whether a recording is done."""
        with suppress(ObjectNotFound):
            self._store.size(f"{self._folder}{name}{_DONE}")
            return True
        return False

    def put(self, name: str, files: Mapping[str, bytes]) -> bool:
        """Write the files of a recording by their suffixes, JSON last; return False if it has a result already.

        Raises StoreError.
        """
        others = {suffix: data for suffix, data in files.items() if suffix != _DONE}
        for suffix, data in others.items():
            with suppress(SwapConflict):  # of an earlier attempt, which did not end
                self._store.swap(f"{self._folder}{name}{suffix}", data, expected=None)
        try:
            self._store.swap(f"{self._folder}{name}{_DONE}", files[_DONE], expected=None)
        except SwapConflict:
            return False
        return True


def record_configuration(store: WritableArchiveStore, configuration: Configuration, source: InputSource) -> None:
    """Write what results are made with, and of which recordings, unless that is there. Raises StoreError."""
    folder = configuration.name
    described = {"format": CONFIGURATION_FORMAT, **configuration.to_dict()}
    _write_once(store, f"{folder}/{CONFIGURATION}", serialise(described))
    inputs = source.encode()
    _write_once(store, f"{folder}/inputs/{hash_bytes(inputs).digest.hex[:_DIGITS]}.json", inputs)


def read_sources(store: WritableArchiveStore, configuration: str) -> list[InputSource]:
    """Return the addresses that a configuration was used for. Raises StoreError, ManifestError."""
    keys = list(store.keys(f"{configuration}/inputs/"))
    return [InputSource.decode(store.read(key).data, key) for key in keys]


def _write_once(store: WritableArchiveStore, key: str, data: bytes) -> None:
    with suppress(SwapConflict):
        store.swap(key, data, expected=None)
