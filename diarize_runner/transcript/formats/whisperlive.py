"""JSON as the WhisperLive guide's runner writes it, and as WhisperLive's server sends it.

The runner's, for readers that accept no other keys:

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

A message of the server's socket, with the recording's name as the client's id:

    {"uid": "call", "segments": [
      {"start": "0.000", "end": "2.500", "text": "Hello", "completed": true, "speaker": "SPEAKER_00",
       "words": [{"word": "Hello", "start": "0.100", "end": "0.600", "probability": 0.9}]}]}

The answer to /v1/audio/transcriptions with `verbose_json` and the timestamp_granularity `word` is OpenAI's
(openai.py), but the language is a code, words are in their segments, and it has `language_probability`. Probabilities
that are not known are 1.0. In both, a segment or word whose speaker was not found has no `speaker`.

The runner: https://github.com/davidbmar/whisperlive-salad/blob/main/whisper_live/diarization.py.
The server: `format_segment` and `_extract_words` in whisper_live/backend/base.py, and `transcribe` in
whisper_live/server.py, of https://github.com/collabora/WhisperLive, version 0.10.0.
"""

import json
from collections.abc import Callable

from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.openai import join_texts, speaker_key, verbose_segment
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

_NOBODY = "UNKNOWN"
_NO_LANGUAGE = "unknown"
_CERTAIN = 1.0


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


def render_socket(transcript: LabelledTranscript) -> str:
    """Write one message with all segments, each of them completed."""
    message = {"uid": transcript.uri, "segments": [_socket_segment(segment) for segment in transcript.segments]}
    return json.dumps(message, indent=2, ensure_ascii=False) + "\n"


def render_rest(document: Document) -> str:
    """Write the answer to a request for `verbose_json` with words."""
    transcript = document.transcript
    answer = {
        "task": "transcribe",
        "language": transcript.language or _NO_LANGUAGE,
        "language_probability": _CERTAIN,
        "duration": round(document.duration, 3),
        "text": join_texts(transcript),
        "segments": [_rest_segment(number, segment) for number, segment in enumerate(transcript.segments)],
    }
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def _socket_segment(segment: LabelledSegment) -> dict[str, object]:
    return {
        "start": _to_string(segment.start),
        "end": _to_string(segment.end),
        "text": segment.text,
        "completed": True,
        **speaker_key(segment.speaker),
        **({"words": [_word(word, _to_string) for word in segment.words]} if segment.words else {}),
    }


def _rest_segment(number: int, segment: LabelledSegment) -> dict[str, object]:
    words = [_word(word, lambda seconds: round(seconds, 3)) for word in segment.words]
    whole = {**verbose_segment(number, segment), "text": segment.text.strip()}
    return {**whole, **({"words": words} if words else {})}


def _word(word: LabelledWord, write_time: Callable[[float], object]) -> dict[str, object]:
    return {
        "word": word.text,
        "start": write_time(word.start),
        "end": write_time(word.end),
        "probability": _CERTAIN if word.score is None else round(word.score, 4),
    }


def _to_string(seconds: float) -> str:
    return f"{seconds:.3f}"
