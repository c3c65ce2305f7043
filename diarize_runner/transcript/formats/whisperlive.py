"""JSON exactly as the WhisperLive guide's runner writes it, for readers that accept no other keys.

    {
      "segments": [
        {"start": "0.000", "end": "2.500", "text": "Hello", "speaker": "SPEAKER_00"}
      ],
      "speakers": ["SPEAKER_00"],
      "diarization": [
        {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"}
      ]
    }

Times are seconds to the millisecond: strings in `segments`, numbers in `diarization`. A segment without
a speaker has `UNKNOWN`. `speakers` are those of the segments; without a transcript, those of the diarization.

The runner: https://github.com/davidbmar/whisperlive-salad/blob/main/whisper_live/diarization.py.
"""

import json

from diarize_runner.transcript.model import LabelledTranscript

_NOBODY = "UNKNOWN"


def render(transcript: LabelledTranscript) -> str:
    """Write the segments, the speakers and the turns."""
    diarization = transcript.diarization
    segments = [
        {
            "start": f"{segment.start:.3f}",
            "end": f"{segment.end:.3f}",
            "text": segment.text,
            "speaker": _NOBODY if segment.speaker is None else segment.speaker,
        }
        for segment in transcript.segments
    ]
    document = {
        "segments": segments,
        "speakers": sorted({segment["speaker"] for segment in segments} or diarization.speakers),
        "diarization": [
            {"start": round(turn.start, 3), "end": round(turn.end, 3), "speaker": turn.speaker}
            for turn in diarization.turns
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
