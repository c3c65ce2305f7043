"""Score a diarization against a reference, with pyannote.metrics."""

from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.measurement import Score
from diarize_runner.diarization.isolation import isolated_directories
from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import UsageError

if TYPE_CHECKING:
    from pyannote.core import Annotation


def score(diarization: Diarization, reference: Path, audio_seconds: float) -> Score:
    """Score at collar 0 with overlap, over the whole recording.

    Raises:
        UsageError: `reference` is not an RTTM file of one recording.
    """
    with isolated_directories():
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

    truth, found = _read(reference), _annotation(diarization)
    whole = Timeline([Segment(0.0, audio_seconds)])
    parts = DiarizationErrorRate(collar=0.0, skip_overlap=False)(truth, found, uem=whole, detailed=True)
    spoken = parts["total"] or 1.0
    return Score(
        der=float(parts["diarization error rate"]),
        missed=float(parts["missed detection"] / spoken),
        false_alarm=float(parts["false alarm"] / spoken),
        confusion=float(parts["confusion"] / spoken),
        jer=float(JaccardErrorRate(collar=0.0, skip_overlap=False)(truth, found, uem=whole)),
        speakers=len(truth.labels()),
    )


def _annotation(diarization: Diarization) -> "Annotation":
    from pyannote.core import Annotation, Segment

    annotation = Annotation(uri=diarization.uri)
    for number, turn in enumerate(diarization.turns):
        annotation[Segment(turn.start, turn.end), number] = turn.speaker
    return annotation


def _read(reference: Path) -> "Annotation":
    with isolated_directories():
        from pyannote.database.util import load_rttm

    hint = "write each RTTM line as: SPEAKER uri 1 start duration <NA> <NA> speaker <NA> <NA>"
    try:
        annotations = load_rttm(reference)
    except (OSError, ValueError, KeyError) as reason:
        raise UsageError(f"{reference}: not an RTTM file: {reason}", hint=hint) from reason
    if len(annotations) != 1:
        raise UsageError(f"{reference} has turns of {len(annotations)} recordings, expected 1", hint=hint)
    return next(iter(annotations.values()))
