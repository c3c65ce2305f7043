"""What decoding said of an upload: `recording.json`, beside the samples."""

import json
import mmap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from diarize_runner.digests import Digest
from diarize_runner.errors import EmptyAudio

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import DecodedRecording

_SAMPLE: Final = np.dtype("<f4")


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedUpload:
    """A decoded upload, without its samples."""

    uri: str
    """The name in results, as `uri_from_stem` makes it of the uploaded file's name."""
    digest: str
    """Of the bytes that were decoded, such as `sha256:...`."""
    warnings: tuple[str, ...] = ()
    channel: int | None = None
    stream: int | None = None

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self), sort_keys=True).encode()  # ASCII: a name may hold a lone surrogate

    @classmethod
    def decode(cls, data: bytes) -> "DecodedUpload":
        """Parse what `encode` returned. Raises ValueError, TypeError or KeyError if it is something else."""
        values = json.loads(data)
        Digest.parse(values["digest"])
        return cls(**{**values, "warnings": tuple(values.get("warnings", ()))})

    def open(self, samples: Path) -> "DecodedRecording":
        """Return the recording, of samples that are read from the disk when they are used.

        Raises:
            EmptyAudio: the file is empty.
            OSError: it cannot be read.
        """
        from diarize_runner.diarization.audio import DecodedRecording

        if not samples.stat().st_size:
            raise EmptyAudio(f"{self.uri} holds no samples", hint="check the recording: it holds no audio")
        with samples.open("rb") as file:
            # Copy-on-write map: torch requires writable memory, and unmodified pages are not copied.
            waveform = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), dtype=_SAMPLE)
        digest = Digest.parse(self.digest)
        return DecodedRecording(uri=self.uri, waveform=waveform, digest=digest, warnings=self.warnings)
