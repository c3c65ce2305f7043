"""The endpoints that take a recording, and what every answer of theirs must hold."""

import re
import tempfile
import wave
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
import pytest
from support.services import running_service, wav

from diarize_runner.diarization import audio
from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.digests import iter_chunks, write_and_hash
from diarize_runner.errors import AudioError, UnreadableAudio


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An endpoint that takes a recording."""

    path: str
    part: str = "file"
    form: dict = field(default_factory=dict)
    has_hints: bool = True
    is_strict: bool = False
    """Whether it knows the field `strict`."""

    def send(self, client, content=None, name="a.wav", *, files=None, headers=None, **form):
        """Send a recording, by default of four seconds."""
        content = wav() if content is None else content
        files = {self.part: (name, content)} if files is None else files
        return client.post(self.path, files=files, data={**self.form, **form}, headers=headers)


SYNCHRONOUS = (
    Endpoint(path="/v1/diarize", is_strict=True),
    Endpoint(path="/v1/vad", has_hints=False, is_strict=True),
    Endpoint(path="/api/v1/diarize/file", part="audio"),
    Endpoint(path="/v1/audio/diarization"),
    Endpoint(path="/v1/audio/transcriptions"),
)
SUBMITTING = (
    Endpoint(path="/v1/jobs", is_strict=True),
    Endpoint(path="/diarize", part="audio_file"),
    Endpoint(path="/batch-diarize", part="files"),
    Endpoint(path="/api/v1/queue", part="audio", form={"operation": "diarize"}),
)
UPLOADS = (*SYNCHRONOUS, *SUBMITTING)
each_upload = pytest.mark.parametrize("endpoint", UPLOADS, ids=lambda each: each.path)

_PATHS = re.compile(r"/(?:tmp|root|home|usr|var|work|proc|opt)/")


@contextmanager
def shared_service(factory, *, decode=None, **options):
    """Yield a client of a service that the tests of a module share, in a folder of its own.

    `decode` replaces the decoder, which takes half a second to start.
    """
    path = factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch, running_service(path, **options) as client:
        patch.setattr(tempfile, "tempdir", str(path / "incoming"))  # as the server sets it
        if decode:
            patch.setattr(audio, "decode_opened", decode)
        yield client


def decode_wav(source, name, _selection, *, limits, **_decoder):
    """Decode what `wav` returns, within this process."""
    try:
        with wave.open(source, "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (wave.Error, EOFError) as reason:
        raise UnreadableAudio(f"cannot decode {name}", hint="send WAV") from reason
    if len(samples) > limits.audio_seconds * audio.SAMPLE_RATE:
        raise AudioError(f"{name} is longer than {limits.audio_seconds:g} s", hint="cut it")
    source.seek(0)
    return audio.DecodedRecording(
        uri=uri_from_stem(PurePath(name).stem),
        waveform=(samples / 32767).astype(np.float32),
        digest=write_and_hash(iter_chunks(source), None).digest,
    )


def problem(response, *, slug=None):
    """Return the problem of an answer, which says what is wrong and what to do, and tells of no folder."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert document["title"]
    assert document["detail"]
    assert document["hint"]
    assert document["status"] == response.status_code
    assert not _PATHS.search(response.text), response.text
    if slug:
        assert document["type"].endswith(f":{slug}"), document
    return document


def files_of(client):
    """Return the names of all files that the service keeps for requests and jobs."""
    folder = client.service.folder
    return sorted(path.name for parent in (folder.incoming, folder.jobs) for path in parent.iterdir())


def clear(client, headers=None):
    """Remove all jobs, or all of a key."""
    while ids := [job["id"] for job in client.get("/v1/jobs", headers=headers).json()["jobs"]]:
        for each in ids:
            assert client.delete(f"/v1/jobs/{each}", headers=headers).status_code == 204
