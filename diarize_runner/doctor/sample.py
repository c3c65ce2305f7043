"""Diarize and transcribe the sample recording that pyannote.audio ships."""

from typing import TYPE_CHECKING

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.benchmark.score import score
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engines import AUTO
from diarize_runner.diarization.guard import process_offline
from diarize_runner.diarization.turns import Diarization
from diarize_runner.doctor.check import Drift
from diarize_runner.doctor.transcription import require_package
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import DiarizationTask, run_timed
from diarize_runner.jobs.session import load_offline
from diarize_runner.progress import Progress
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcription.models import find_models
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording


def run_sample(cache: VerifiedCache, device: str, progress: Progress) -> str:
    """Diarize the sample on `device`; if the cache has a transcription model, also transcribe and label it.

    Raises:
        Drift: the number of speakers differs from the reference, or a word has no speaker.
    """
    sample = shipped_sample()
    with process_offline():
        diarizer = load_offline(cache, device, AUTO, progress).diarizer
        recording = AudioFile(path=sample.audio).decode()
        timed = run_timed(DiarizationTask(), diarizer, recording, progress)
        rtf, found = timed.seconds / recording.duration, len(timed.diarization.speakers)
        scored = score(timed.diarization, sample.audio.with_suffix(".rttm"), recording.duration)
        speakers = f"{found} of {scored.speakers} speakers, DER {100 * scored.der:.1f} %"
        detail = f"{speakers}, RTF {rtf:.3f} on {diarizer.device}"
        if found != scored.speakers:
            raise Drift(detail, hint=_hint("benchmark"))
        if not find_models(cache.manifest):
            return detail
        return f"{detail}; {_transcribe(cache, device, recording, timed.diarization, progress)}"


def _transcribe(
    cache: VerifiedCache, device: str, recording: "Recording", diarization: Diarization, progress: Progress
) -> str:
    """Transcribe and label the recording with the default model; raise Drift if a word has no speaker."""
    require_package()
    with Transcriber(cache, TranscriptionOptions(device=device)) as transcriber:
        made = transcriber.transcribe(recording, progress)
    labelled = assign_speakers(made.transcript, diarization)
    speakers = [word.speaker for segment in labelled.segments for word in segment.words]
    detail = f"{made.model.name}: {len(speakers)} words, {speakers.count(None)} without a speaker, on {made.device}"
    if not speakers or None in speakers:
        raise Drift(detail, hint=_hint("run"))
    return detail


def _hint(command: str) -> str:
    return f"run diarize-runner {command} here and on another box, and compare"
