import importlib.metadata
from types import SimpleNamespace

import numpy as np
import pytest

from diarize_runner import __version__
from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.digests import hash_bytes
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import DiarizationTask, Job, LoadedJob
from diarize_runner.jobs.provenance import provenance_of
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.rules import Rules

DIARIZER = SimpleNamespace(engine="exact", device="cpu")


@pytest.fixture
def recording(speech):
    digest = hash_bytes(speech.read_bytes()).digest
    return DecodedRecording(uri="call", waveform=np.zeros(24_000, dtype=np.float32), digest=digest)


def loaded(job, recording):
    transcript = Transcript(
        segments=(), digest=hash_bytes(job.transcript.read_bytes()).digest if job.transcript else None
    )
    return LoadedJob(job=job, recording=recording, transcript=transcript)


def test_a_result_says_by_digest_what_it_was_made_from_and_with(box, speech, recording, tmp_path):
    manifest, said = read_manifest(find_cache(box)), tmp_path / "said.json"
    said.write_bytes(b"[]")

    task = DiarizationTask(hints=SpeakerHints(exactly=2))
    job = Job(audio=AudioFile(path=speech, channel=2, stream=3), transcript=said, task=task, rules=Rules(split=None))
    made = provenance_of(loaded(job, recording), DIARIZER, manifest).to_dict()

    packages = made.pop("packages")
    assert packages["numpy"] == importlib.metadata.version("numpy")
    assert made == {
        "tool": f"diarize-runner {__version__}",
        "cache": {
            "name": "tiny",
            "version": "1.0",
            "manifest": str(manifest.digest),
            "requirements": str(hash_bytes(b"nothing==1\n").digest),
        },
        "engine": "exact",
        "difference_from_stock": "none: the output is that of stock pyannote",
        "device": "cpu",
        "audio": {"digest": str(hash_bytes(speech.read_bytes()).digest), "seconds": 1.5},
        "transcript": {"digest": str(hash_bytes(b"[]").digest)},
        "rules": {"reach": 0.5, "longest_word": 1.0},
        "channel": 2,
        "stream": 3,
        "num_speakers": 2,
    }


def test_a_result_without_transcript_or_hints_says_nothing_of_them(box, speech, recording):
    manifest = read_manifest(find_cache(box))
    made = provenance_of(loaded(Job(audio=AudioFile(path=speech)), recording), DIARIZER, manifest).to_dict()
    assert made.keys() == {"tool", "cache", "engine", "difference_from_stock", "device", "packages", "audio"}
