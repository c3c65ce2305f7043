"""The session that names speakers: its processing time, and its turn on a GPU."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.voices import MODEL, ByPitch, embedding_of, speak

from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.diarization.turns import NO_HINTS
from diarize_runner.digests import hash_bytes
from diarize_runner.jobs import naming
from diarize_runner.jobs.audio import Samples
from diarize_runner.jobs.job import Job, LoadedJob, Result
from diarize_runner.jobs.naming import KnownSpeakers, NamingSession
from diarize_runner.jobs.stage_timer import Timing
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats.provenance import CacheReference, Provenance
from diarize_runner.transcript.model import Transcript
from diarize_runner.voices.document import Voice, Voices
from diarize_runner.voices.file import VoiceFile

RATE = 16_000
ADA = Voice(
    name="Ada", enrolled="2026-11-30T12:00:00+00:00", seconds=9.0, embeddings=(tuple(map(float, embedding_of("ada"))),)
)
FILE = VoiceFile(
    path=Path("voices.json"), digest=hash_bytes(b"voices").digest, content=Voices(model=MODEL, voices=(ADA,))
)
_DIGEST = hash_bytes(b"").digest
PROVENANCE = Provenance(
    tool="diarize-runner",
    cache=CacheReference(name="embedded", version="1", manifest=_DIGEST, requirements=_DIGEST),
    engine="exact",
    device="cpu",
    packages={},
    audio=_DIGEST,
    audio_seconds=4.0,
    transcript=None,
    hints=NO_HINTS,
)


@dataclass
class Diarizing:
    """A session that takes 10 s."""

    diarizer: ByPitch

    def announce(self, loaded, progress):
        pass

    def run(self, loaded, progress):
        diarization = self.diarizer.diarize(loaded.recording, NO_HINTS, progress)
        timing = Timing(uri="call", audio_seconds=4.0, estimated_seconds=None, processing_seconds=10.0)
        return Result(labelled=loaded.label(diarization), provenance=PROVENANCE, timing=timing)


@pytest.fixture
def loaded():
    waveform = speak(("bo", 2), ("ada", 2)).astype(np.float32)
    audio = Samples(waveform=waveform, sample_rate=RATE, uri="call")
    recording = DecodedRecording(uri="call", waveform=waveform, digest=hash_bytes(b"").digest)
    return LoadedJob(job=Job(audio=audio), recording=recording, transcript=Transcript(segments=()))


def session(device="cpu"):
    times = iter([100.0, 103.0])
    known = KnownSpeakers(file=FILE, threshold=0.6)
    return NamingSession(session=Diarizing(ByPitch(device=device)), namers=[known], clock=lambda: next(times))


def test_the_processing_time_includes_the_embedding_of_voices(loaded):
    result = session().run(loaded, NoProgress())
    assert result.timing.processing_seconds == 13.0
    assert result.diarization.speakers == ("Ada", "SPEAKER_00")


def test_voices_are_embedded_in_a_turn_on_the_gpu_and_turns_do_not_nest(loaded, monkeypatch):
    turns = []

    @contextmanager
    def turn(device, progress):
        turns.append(device)
        yield

    monkeypatch.setattr(naming, "device_turn", turn)
    session("cuda").run(loaded, NoProgress())
    assert turns == ["cuda"]


def test_the_provenance_has_the_digest_of_the_voices_and_the_threshold(loaded):
    recorded = session().run(loaded, NoProgress()).provenance.to_dict()
    assert recorded["known_speakers"] == {"voices": str(FILE.digest), "threshold": 0.6}
    assert "known_speakers" not in PROVENANCE.to_dict()
