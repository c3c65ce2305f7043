"""The sample check: the recording that pyannote.audio ships is diarized, and compared with what people heard."""

import time

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.benchmark.score import score
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.doctor.check import Drift
from diarize_runner.progress import Progress


def diarize_sample(cache: VerifiedCache, device: str, progress: Progress) -> str:
    """Diarize the sample on `device`; raise Drift when the speakers are not as many as were heard."""
    sample = shipped_sample()
    diarizer, recording = load(cache, device), decode(sample.audio)
    began = time.perf_counter()
    diarization = diarizer.diarize(recording, SpeakerHints(), progress)
    diarizer.synchronise()
    factor = (time.perf_counter() - began) / recording.duration
    found, scored = len(diarization.speakers), score(diarization, sample.audio.with_suffix(".rttm"), recording.duration)
    said = f"{found} of {scored.speakers} speakers, DER {100 * scored.der:.1f} %, RTF {factor:.3f} on {diarizer.device}"
    if found != scored.speakers:
        raise Drift(said, hint="compare with another box on the same cache: diarize-runner benchmark")
    return said
