"""Diarize the sample recording that pyannote.audio ships, and compare the result with its reference."""

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.benchmark.score import score
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.environment import set_offline_environment
from diarize_runner.diarization.guard import process_offline
from diarize_runner.doctor.check import Drift
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import DiarizationTask, run_timed
from diarize_runner.progress import Progress


def diarize_sample(cache: VerifiedCache, device: str, progress: Progress) -> str:
    """Diarize the sample on `device`; raise Drift when the number of speakers differs from the reference."""
    sample = shipped_sample()
    set_offline_environment(cache)
    with process_offline():
        diarizer, recording = load(cache, device), AudioFile(path=sample.audio).decode()
        timed = run_timed(DiarizationTask(), diarizer, recording, progress)
    rtf, found = timed.seconds / recording.duration, len(timed.diarization.speakers)
    scored = score(timed.diarization, sample.audio.with_suffix(".rttm"), recording.duration)
    detail = f"{found} of {scored.speakers} speakers, DER {100 * scored.der:.1f} %, RTF {rtf:.3f} on {diarizer.device}"
    if found != scored.speakers:
        raise Drift(detail, hint="run diarize-runner benchmark here and on another box, and compare")
    return detail
