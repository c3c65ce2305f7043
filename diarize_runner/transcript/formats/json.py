"""JSON, with everything that is known.

    {
      "format": "diarize-runner/transcript/1",
      "uri": "meeting",
      "segments": [
        {"start": "0.000", "end": "2.500", "text": "Hello", "speaker": "SPEAKER_00",
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

Times are seconds to the millisecond: strings in `segments`, as the transcriber writes them, and numbers elsewhere.
`speaker` is null where nobody was heard. `attribution` says how the speaker of a segment or word was found, in what
share of its time that speaker is heard, and who else is; see model.py. `words` is there where the transcriber timed
them, and `"interpolated": true` in one where it did not. `diarization` has every turn, overlaps included;
`exclusive_diarization`, which `segments` was labelled from, has one speaker at a time. `share` is of all the seconds
of all speakers. `provenance` says what the result was made from and with (provenance.py); there is nothing in it that
two runs of the same do not share. Without a transcript `segments` is empty. A reader ignores keys it does not know;
the number in `format` changes when an old reader would go wrong.
"""

import json
from collections.abc import Iterable

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.overlap import Overlap, overlaps_of
from diarize_runner.transcript.model import Attribution, LabelledSegment, LabelledWord
from diarize_runner.transcript.statistics import SpeakerStatistics, statistics_of

FORMAT = "diarize-runner/transcript/1"


def render(document: Document) -> str:
    """Write one record on each line, so that a diff shows the segment that changed."""
    transcript, diarization = document.transcript, document.transcript.diarization
    members = {
        "format": _value(FORMAT),
        "uri": _value(transcript.uri),
        "segments": _records(map(_segment, transcript.segments)),
        "speakers": _value(diarization.speakers),
        "diarization": _records(map(_turn, diarization.turns)),
        "exclusive_diarization": _records(map(_turn, diarization.exclusive_turns)),
        "overlaps": _records(map(_overlap, overlaps_of(diarization.turns))),
        "statistics": _records(map(_statistics, statistics_of(transcript))),
    }
    if document.provenance:
        members["provenance"] = json.dumps(document.provenance.to_dict(), indent=2, ensure_ascii=False).replace(
            "\n", "\n  "
        )
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in members.items()) + "\n}\n"


def _segment(segment: LabelledSegment) -> dict[str, object]:
    return {
        "start": f"{segment.start:.3f}",
        "end": f"{segment.end:.3f}",
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
        **({"interpolated": True} if word.interpolated else {}),
    }


def _attribution(why: Attribution | None) -> dict[str, object]:
    if why is None:
        return {}
    return {"attribution": {"how": why.how, "share": round(why.share, 3), "also": why.also}}


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
