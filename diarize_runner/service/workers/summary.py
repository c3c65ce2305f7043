"""What the shapes of the HTTP API need of a result, as one document: `summary.json`."""

from collections.abc import Iterable

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.jobs.job import Result
from diarize_runner.transcript.model import LabelledSegment


def summarize(result: Result, *, processing_seconds: float) -> dict[str, object]:
    """Return the document; times are seconds, to the millisecond."""
    labelled, provenance = result.labelled, result.provenance
    return {
        "uri": labelled.uri,
        "turns": _turns(labelled.diarization.turns),
        "exclusive_turns": _turns(labelled.diarization.exclusive_turns),
        "segments": [_segment(segment) for segment in labelled.segments],
        "language": labelled.language,
        "warnings": list(labelled.warnings),
        "audio_seconds": round(provenance.audio_seconds, 3),
        "processing_seconds": round(processing_seconds, 3),
        "device": provenance.device,
        "engine": provenance.engine,
    }


def _turns(turns: Iterable[SpeakerTurn]) -> list[list[object]]:
    return [[round(turn.start, 3), round(turn.end, 3), turn.speaker] for turn in turns]


def _segment(segment: LabelledSegment) -> dict[str, object]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "speaker": segment.speaker,
        "words": [
            {
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "word": word.text,
                "speaker": word.speaker,
                "score": word.score,
            }
            for word in segment.words
        ],
    }
