"""JSON as OpenAI's transcription API returns it: `verbose_json`, and `diarized_json`.

    {"task": "transcribe", "language": "english", "duration": 5.0, "text": "Oh, hello.",
     "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": " Oh, hello.", "tokens": [],
                   "temperature": 0.0, "avg_logprob": -0.69, "compression_ratio": 0.56, "no_speech_prob": 0.0,
                   "speaker": "SPEAKER_00"}],
     "words": [{"word": "Oh,", "start": 0.1, "end": 0.4, "speaker": "SPEAKER_00"}],
     "usage": {"type": "duration", "seconds": 5}}

    {"task": "transcribe", "duration": 5.0, "text": "Oh, hello.",
     "segments": [{"type": "transcript.text.segment", "id": "seg_001", "start": 0.0, "end": 2.5, "text": "Oh, hello.",
                   "speaker": "SPEAKER_00"}],
     "usage": {"type": "duration", "seconds": 5}}

`verbose_json` is as with the timestamp_granularities `segment` and `word`; without timed words it has no `words`. The
API has no `speaker` there: it is added where one is known, and clients ignore or keep it. Words keep their punctuation.

The transcript lacks some required values. `seek`, `temperature`, `tokens` and `no_speech_prob` are 0 or empty, which
no filter takes for a failure. `avg_logprob` is the mean logarithm of the words' scores, or 0, and `compression_ratio`
that of the text. An unknown language is `unknown`. A segment without a speaker has `UNKNOWN`.

OpenAI: https://github.com/openai/openai-python/tree/main/src/openai/types/audio.
"""

import json
import math
import zlib
from collections.abc import Sequence
from typing import Final

from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.languages import LANGUAGES, LANGUAGES_WITHOUT_SPACES
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

_NOBODY: Final = "UNKNOWN"
_NO_LANGUAGE: Final = "unknown"
_LEAST_SCORE: Final = 1e-5
"""So that the logarithm of a score of 0 is a number."""


def render_verbose(document: Document) -> str:
    """Write the segments and the words as in `verbose_json`."""
    transcript = document.transcript
    words = [_word(word) for segment in transcript.segments for word in segment.words]
    language = transcript.language or _NO_LANGUAGE
    body = {
        "task": "transcribe",
        "language": LANGUAGES.get(language, language),
        "duration": round(document.duration, 3),
        "text": join_texts(transcript),
        "segments": [verbose_segment(number, segment) for number, segment in enumerate(transcript.segments)],
        **({"words": words} if words else {}),
        "usage": _usage(document),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def render_diarized(document: Document) -> str:
    """Write the segments as in `diarized_json`."""
    segments = document.transcript.segments
    body = {
        "task": "transcribe",
        "duration": round(document.duration, 3),
        "text": join_texts(document.transcript),
        "segments": [_diarized_segment(number, segment) for number, segment in enumerate(segments, start=1)],
        "usage": _usage(document),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def join_texts(transcript: LabelledTranscript) -> str:
    """Return the text of all segments."""
    separator = "" if transcript.language in LANGUAGES_WITHOUT_SPACES else " "
    return separator.join(segment.text.strip() for segment in transcript.segments).strip()


def verbose_segment(number: int, segment: LabelledSegment) -> dict[str, object]:
    """Return a segment with all the keys that Whisper gives it."""
    return {
        "id": number,
        "seek": 0,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _mean_log_score(segment.words),
        "compression_ratio": _compression_ratio(segment.text),
        "no_speech_prob": 0.0,
        **speaker_key(segment.speaker),
    }


def speaker_key(speaker: str | None) -> dict[str, str]:
    """Return the key `speaker`, or nothing if no speaker was found."""
    return {} if speaker is None else {"speaker": speaker}


def _diarized_segment(number: int, segment: LabelledSegment) -> dict[str, object]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number:03d}",
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text.strip(),
        "speaker": _NOBODY if segment.speaker is None else segment.speaker,
    }


def _word(word: LabelledWord) -> dict[str, object]:
    times = {"start": round(word.start, 3), "end": round(word.end, 3)}
    return {"word": word.text.strip(), **times, **speaker_key(word.speaker)}


def _usage(document: Document) -> dict[str, object]:
    """Return what OpenAI bills: whole seconds, rounded up."""
    return {"type": "duration", "seconds": math.ceil(document.duration)}


def _mean_log_score(words: Sequence[LabelledWord]) -> float:
    scores = [max(word.score, _LEAST_SCORE) for word in words if word.score is not None]
    return round(sum(map(math.log, scores)) / len(scores), 3) if scores else 0.0


def _compression_ratio(text: str) -> float:
    """Return the ratio as Whisper computes it: repeated text has a high one."""
    data = text.encode()
    return round(len(data) / len(zlib.compress(data)), 3)
