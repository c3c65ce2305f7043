"""The file of voices on disk: readable by its owner only, changed atomically by one process at a time."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diarize_runner.bounds import MAX_FILE_BYTES
from diarize_runner.digests import Digest, hash_bytes
from diarize_runner.disk import disk_errors, lock_folder, write_atomically
from diarize_runner.errors import ManifestError, UnsupportedFormat, UsageError, VoiceError
from diarize_runner.voices.document import Voice, Voices

_PRIVATE: Final = 0o600
_ENROLL: Final = "diarize-runner voices enroll NAME AUDIO --voices FILE"
_DAMAGED: Final = f"restore it from a backup, or delete it and enroll each voice again: {_ENROLL}"


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceFile:
    """A file of voices, and what it holds."""

    path: Path
    digest: Digest
    """Of its bytes."""
    content: Voices

    @classmethod
    def load(cls, path: Path) -> "VoiceFile":
        """Read a file.

        Raises:
            UsageError: it cannot be read, or other users can.
            UnsupportedFormat: another release wrote it, or it is no file of voices.
            ManifestError: it is empty or damaged.
        """
        return cls.parse(path, _read(path))

    @classmethod
    def parse(cls, path: Path, data: bytes) -> "VoiceFile":
        """Parse the bytes of a file. Raises UnsupportedFormat and ManifestError as `load` does."""
        if not data:
            raise ManifestError(f"{path} is empty", hint=_DAMAGED)
        try:
            return cls(path=path, digest=hash_bytes(data).digest, content=Voices.from_bytes(data, str(path)))
        except UnsupportedFormat:
            raise
        except ManifestError as error:
            raise ManifestError(error.message, hint=_DAMAGED) from error

    def require_model(self, model: Digest | None) -> None:
        """Raise VoiceError unless `model`, by the digest of its checkpoint, made the embeddings.

        A file without voices is of any model.
        """
        require_embedding_model(model)
        if self.content.voices and self.content.model != model:
            hint = f"enroll each voice again, into another file: {_ENROLL}"
            raise VoiceError(f"{self.path} holds voices of another embedding model than this cache's", hint=hint)

    def require_voices(self) -> None:
        """Raise UsageError if the file holds no voice."""
        if not self.content.voices:
            raise UsageError(f"{self.path} holds no voices", hint=f"enroll one: {_ENROLL}")

    def require_new(self, name: str) -> None:
        """Raise UsageError if there is a voice of this name, or of one that a reader cannot tell from it."""
        if found := self.content.find(name):
            hint = "choose another name, or replace the voice: --replace"
            raise UsageError(f"{self.path} has a voice named {found.name}", hint=hint)


def require_embedding_model(model: Digest | None) -> Digest:
    """Return the digest of a pipeline's embedding model; raise VoiceError if it has none."""
    if model is None:
        hint = "use a cache whose pipeline has one, such as embedded or community-1"
        raise VoiceError("the pipeline of this cache has no embedding model", hint=hint)
    return model


def find_voices(path: Path) -> VoiceFile | None:
    """Return the file; None if there is none. Raises as `VoiceFile.load` does."""
    return VoiceFile.load(path) if os.path.lexists(path) else None


def add_voice(path: Path, voice: Voice, model: Digest) -> None:
    """Add a voice to the file, which need not exist, in place of one of its name.

    Raises:
        VoiceError: another model made the voices in it.
        DiskError: it cannot be written.

    It also raises as `VoiceFile.load` does.
    """

    def add(file: VoiceFile | None) -> Voices:
        if file is not None:
            file.require_model(model)
        voices = file.content.voices if file else ()
        return Voices(model=model, voices=voices).with_voice(voice)

    _change(path, add)


def delete_voice(path: Path, name: str) -> None:
    """Delete a voice from the file. Raises UsageError if it has none of this name, and as `add_voice` does."""

    def delete(file: VoiceFile | None) -> Voices:
        content = (file or VoiceFile.load(path)).content
        found = content.find(name)
        if found is None:
            hint = f"its voices: {', '.join(voice.name for voice in content.voices) or 'none'}"
            raise UsageError(f"{path} has no voice named {name}", hint=hint)
        return content.without(found.name)

    _change(path, delete)


def _change(path: Path, change: Callable[[VoiceFile | None], Voices]) -> None:
    """Write what `change` makes of the file; one at a time, so that no change is lost."""
    with disk_errors(path):
        target = path.resolve()
        descriptor = lock_folder(target.parent)
        try:
            data = change(find_voices(path)).to_bytes()
            former = target.stat() if target.exists() else None
            write_atomically(target, data, _PRIVATE)
            if former and former.st_uid != os.geteuid():  # root changes the file of a user, who has to read it
                os.chown(target, former.st_uid, former.st_gid)
        finally:
            os.close(descriptor)


def _read(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK, opening a named pipe waits for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _require_private(path, os.fstat(file.fileno()))
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as reason:
        message = f"cannot read the voices {path}: {reason.strerror}"
        raise UsageError(message, hint=f"check the path, or make the file: {_ENROLL}") from reason
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", hint="name a file of voices")
    return data


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is not a file", hint="name a file of voices")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"other users can use the voices in {path}", hint=f"run: chmod 600 {path}")
