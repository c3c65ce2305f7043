"""The sample check: the recording that pyannote.audio ships is diarized, and compared with what people heard."""

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.benchmark.score import score
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.guard import process_offline
from diarize_runner.diarization.surroundings import stay_offline
from diarize_runner.doctor.check import Drift
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import FindSpeakers, find
from diarize_runner.progress import Progress


def diarize_sample(cache: VerifiedCache, device: str, progress: Progress) -> str:
    """Diarize the sample on `device`; raise Drift when the speakers are not as many as were heard."""
    sample = shipped_sample()
    stay_offline(cache)
    with process_offline():
        diarizer, recording = load(cache, device), AudioFile(path=sample.audio).decode()
        done = find(FindSpeakers(), diarizer, recording, progress)
    factor, found = done.seconds / recording.duration, len(done.diarization.speakers)
    scored = score(done.diarization, sample.audio.with_suffix(".rttm"), recording.duration)
    said = f"{found} of {scored.speakers} speakers, DER {100 * scored.der:.1f} %, RTF {factor:.3f} on {diarizer.device}"
    if found != scored.speakers:
        raise Drift(said, hint="compare with another box on the same cache: diarize-runner benchmark")
    return said
