"""Score a diarization against a reference, with pyannote.metrics."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.alignment import Alignment, ErrorSeconds, Region
from diarize_runner.benchmark.measurement import Score
from diarize_runner.benchmark.uem import read_uem
from diarize_runner.diarization.isolation import isolated_directories
from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import RttmError, UsageError

if TYPE_CHECKING:
    from pyannote.core import Annotation


def score(diarization: Diarization, reference: Path, audio_seconds: float, uem: Path | None = None) -> Score:
    """Score at collar 0 with overlap, in the regions of `uem`, or else over the whole recording.

    Raises:
        UsageError: `reference` is not an RTTM file of one recording, or `uem` not a UEM file of this recording.
    """
    with isolated_directories():
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

    truth, found = _read(reference), _annotation(diarization)
    regions = _regions(uem, diarization.uri, audio_seconds)
    scored = Timeline([Segment(*region) for region in regions])
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    parts = metric(truth, found, uem=scored, detailed=True)
    speech, missed, false_alarm, confusion = (
        float(parts[name]) for name in ("total", "missed detection", "false alarm", "confusion")
    )
    return Score(
        der=float(parts["diarization error rate"]),
        missed=missed / (speech or 1.0),
        false_alarm=false_alarm / (speech or 1.0),
        confusion=confusion / (speech or 1.0),
        jer=float(JaccardErrorRate(collar=0.0, skip_overlap=False)(truth, found, uem=scored)),
        speakers=len(truth.crop(scored).labels()),
        found_speakers=len(found.crop(scored).labels()),
        seconds=ErrorSeconds(speech=speech, missed=missed, false_alarm=false_alarm, confusion=confusion),
        alignment=Alignment(
            scored=regions,
            reference=_turns(truth.crop(Segment(0.0, audio_seconds))),
            found=diarization.turns,
            speakers=metric.optimal_mapping(truth, found, uem=scored),
        ),
    )


def _regions(uem: Path | None, uri: str, audio_seconds: float) -> tuple[Region, ...]:
    """Return the regions to score, inside the recording."""
    if uem is None:
        return ((0.0, audio_seconds),)
    regions = tuple((start, min(end, audio_seconds)) for start, end in read_uem(uem, uri) if start < audio_seconds)
    if not regions:
        raise UsageError(
            f"{uem}: every region is beyond the end of {uri}", hint="check that it belongs to this recording"
        )
    return regions


def _turns(annotation: "Annotation") -> tuple[SpeakerTurn, ...]:
    turns = (
        SpeakerTurn(start=float(segment.start), end=float(segment.end), speaker=str(label))
        for segment, _, label in annotation.itertracks(yield_label=True)
    )
    return tuple(sorted(turns))


def _annotation(diarization: Diarization) -> "Annotation":
    return _to_annotation(diarization.uri, diarization.turns)


def _to_annotation(uri: str, turns: Iterable[SpeakerTurn]) -> "Annotation":
    from pyannote.core import Annotation, Segment

    annotation = Annotation(uri=uri)
    for number, turn in enumerate(turns):
        annotation[Segment(turn.start, turn.end), number] = turn.speaker
    return annotation


def _read(reference: Path) -> "Annotation":
    hint = "write each RTTM line as: SPEAKER uri 1 start duration <NA> <NA> speaker <NA> <NA>"
    try:
        turns_by_uri = read_rttm(reference)
    except RttmError as reason:
        raise UsageError(reason.message, hint=hint) from reason
    if len(turns_by_uri) != 1:
        raise UsageError(f"{reference} has turns of {len(turns_by_uri)} recordings, expected 1", hint=hint)
    ((uri, turns),) = turns_by_uri.items()
    return _to_annotation(uri, turns)
