"""JSON, with everything that is known.

    {
      "format": "diarize-runner/transcript/1",
      "uri": "meeting",
      "segments": [
        {"start": "0.000", "end": "2.500", "text": "Hello", "speaker": "SPEAKER_00"}
      ],
      "speakers": ["SPEAKER_00"],
      "diarization": [
        {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"}
      ],
      "exclusive_diarization": [
        {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"}
      ]
    }

Times are seconds to the millisecond: strings in `segments`, as the transcriber writes them, and numbers
elsewhere. `speaker` is null where nobody was heard. `diarization` has every turn, overlaps included;
`exclusive_diarization`, which `segments` was labelled from, has one speaker at a time. Without a transcript
`segments` is empty. A reader ignores keys it does not know; the number in `format` changes when an old
reader would go wrong.
"""

import json
from collections.abc import Iterable

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

FORMAT = "diarize-runner/transcript/1"


def render(transcript: LabelledTranscript) -> str:
    """Write one record on each line, so that a diff shows the segment that changed."""
    diarization = transcript.diarization
    members = {
        "format": _value(FORMAT),
        "uri": _value(transcript.uri),
        "segments": _records(map(_segment, transcript.segments)),
        "speakers": _value(diarization.speakers),
        "diarization": _records(map(_turn, diarization.turns)),
        "exclusive_diarization": _records(map(_turn, diarization.exclusive_turns)),
    }
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in members.items()) + "\n}\n"


def _segment(segment: LabelledSegment) -> dict[str, str | None]:
    return {
        "start": f"{segment.start:.3f}",
        "end": f"{segment.end:.3f}",
        "text": segment.text,
        "speaker": segment.speaker,
    }


def _turn(turn: SpeakerTurn) -> dict[str, str | float]:
    return {"start": round(turn.start, 3), "end": round(turn.end, 3), "speaker": turn.speaker}


def _records(records: Iterable[object]) -> str:
    lines = ",\n".join(f"    {_value(record)}" for record in records)
    return f"[\n{lines}\n  ]" if lines else "[]"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
