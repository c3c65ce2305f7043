"""JSON, with everything known.

    {
      "format": "diarize-runner/transcript/2",
      "uri": "meeting",
      "warnings": [],
      "segments": [
        {"start": 0.0, "end": 2.5, "text": "Hello", "speaker": "SPEAKER_00",
         "attribution": {"how": "overlap", "share": 0.98, "also": ["SPEAKER_01"]},
         "words": [{"start": 0.1, "end": 0.6, "word": "Hello", "speaker": "SPEAKER_00"}]}
      ],
      "speakers": ["SPEAKER_00", "SPEAKER_01"],
      "diarization": [
        {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"}
      ],
      "exclusive_diarization": [
        {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"}
      ],
      "overlaps": [
        {"start": 2.5, "end": 2.8, "speakers": ["SPEAKER_00", "SPEAKER_01"]}
      ],
      "statistics": [
        {"speaker": "SPEAKER_00", "seconds": 2.8, "share": 0.509, "turns": 1, "longest": 2.8, "overlapped": 0.3,
         "words": 1}
      ],
      "provenance": {"tool": "diarize-runner 0.2.0", ...}
    }

Times are seconds to the millisecond, as numbers. In format 1 those in `segments` were strings, as WhisperLive writes
them; `render_format_1` still writes it, for programs that replace WhisperLive's runner. `warnings` are sentences that
say why the result may be wrong. `speaker` is null if none was found. `attribution` has how the speaker of a segment or
word was found, the share of its time in which that speaker speaks, and the other speakers; see model.py. `words` are
present if the transcriber timed them; a word that it did not time has `"interpolated": true`, and `score` is the
confidence of the transcriber, if known. `language` is present if it is known. `diarization` has every turn, overlaps
included; `exclusive_diarization`, the source of the labels, has one speaker at a time. `share` in `statistics` is of
the seconds of all speakers. `provenance` has the inputs and software (provenance.py), and is equal for equal runs.
Without a transcript `segments` is empty. Readers ignore unknown keys; the number in `format` changes when old readers
would fail.
"""

import json
from collections.abc import Callable, Iterable

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.overlap import Overlap, find_overlaps
from diarize_runner.transcript.model import Attribution, LabelledSegment, LabelledWord
from diarize_runner.transcript.statistics import SpeakerStatistics, compute_statistics

FORMAT = "diarize-runner/transcript/2"
FORMAT_1 = "diarize-runner/transcript/1"


def render(document: Document) -> str:
    """Write one record on each line, so that a diff shows single segments."""
    return _render(document, FORMAT, _to_number)


def render_format_1(document: Document) -> str:
    """Write format 1, whose segments have their times as strings."""
    return _render(document, FORMAT_1, _to_string)


def _to_number(seconds: float) -> float:
    return round(seconds, 3)


def _to_string(seconds: float) -> str:
    return f"{seconds:.3f}"


def _render(document: Document, version: str, write_time: Callable[[float], object]) -> str:
    transcript, diarization = document.transcript, document.transcript.diarization
    members = {
        "format": _value(version),
        "uri": _value(transcript.uri),
        **({"language": _value(transcript.language)} if transcript.language else {}),
        "warnings": _value(transcript.warnings),
        "segments": _records(_segment(segment, write_time) for segment in transcript.segments),
        "speakers": _value(diarization.speakers),
        "diarization": _records(map(_turn, diarization.turns)),
        "exclusive_diarization": _records(map(_turn, diarization.exclusive_turns)),
        "overlaps": _records(map(_overlap, find_overlaps(diarization.turns))),
        "statistics": _records(map(_statistics, compute_statistics(transcript))),
    }
    if document.provenance:
        members["provenance"] = json.dumps(document.provenance.to_dict(), indent=2, ensure_ascii=False).replace(
            "\n", "\n  "
        )
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in members.items()) + "\n}\n"


def _segment(segment: LabelledSegment, write_time: Callable[[float], object]) -> dict[str, object]:
    return {
        "start": write_time(segment.start),
        "end": write_time(segment.end),
        "text": segment.text,
        "speaker": segment.speaker,
        **_attribution(segment.attribution),
        **({"words": [_word(word) for word in segment.words]} if segment.words else {}),
    }


def _word(word: LabelledWord) -> dict[str, object]:
    return {
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "word": word.text,
        "speaker": word.speaker,
        **_attribution(word.attribution),
        **({"score": round(word.score, 3)} if word.score is not None else {}),
        **({"interpolated": True} if word.interpolated else {}),
    }


def _attribution(attribution: Attribution | None) -> dict[str, object]:
    if attribution is None:
        return {}
    return {"attribution": {"how": attribution.how, "share": round(attribution.share, 3), "also": attribution.also}}


def _turn(turn: SpeakerTurn) -> dict[str, object]:
    return {"start": round(turn.start, 3), "end": round(turn.end, 3), "speaker": turn.speaker}


def _overlap(overlap: Overlap) -> dict[str, object]:
    return {"start": round(overlap.start, 3), "end": round(overlap.end, 3), "speakers": overlap.speakers}


def _statistics(part: SpeakerStatistics) -> dict[str, object]:
    return {
        "speaker": part.speaker,
        "seconds": round(part.seconds, 3),
        "share": round(part.share, 3),
        "turns": part.turns,
        "longest": round(part.longest, 3),
        "overlapped": round(part.overlapped, 3),
        "words": part.words,
    }


def _records(records: Iterable[object]) -> str:
    lines = ",\n".join(f"    {_value(record)}" for record in records)
    return f"[\n{lines}\n  ]" if lines else "[]"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
