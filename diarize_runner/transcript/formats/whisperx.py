"""JSON as whisperX writes it, and as Amanu's provider of whisperX lists it.

    {
      "segments": [
        {"start": 2.967, "end": 31.672, "text": " Transcribed text", "speaker": "SPEAKER_00",
         "words": [{"word": "Transcribed", "start": 2.967, "end": 3.307, "score": 0.774, "speaker": "SPEAKER_00"}]}
      ],
      "word_segments": [...],
      "language": "ru"
    }

    [{"speaker_id": "SPEAKER_00", "start_time": 2.967, "end_time": 31.672, "text": "Transcribed", "confidence": 1.0}]

`word_segments` repeats the words of all segments. A word has no whitespace around it. Keys that are not known are left
out, as whisperX does; the list has `Unknown` and 1.0 for them, as the provider does. If any segment has words, all have
the key `words`: whisperX's own writers require that.

whisperX: https://github.com/m-bain/whisperX.
"""

import json

from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

_NOBODY = "Unknown"
_CERTAIN = 1.0


def render(transcript: LabelledTranscript) -> str:
    """Write the segments, their words, and the language."""
    write = _segment_with_words if any(segment.words for segment in transcript.segments) else _segment
    segments = [write(segment) for segment in transcript.segments]
    words = [_word(word) for segment in transcript.segments for word in segment.words]
    document = {"segments": segments, "word_segments": words, "language": transcript.language}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_amanu(transcript: LabelledTranscript) -> str:
    """Write the list of segments."""
    segments = [
        {
            "speaker_id": segment.speaker or _NOBODY,
            "start_time": round(segment.start, 3),
            "end_time": round(segment.end, 3),
            "text": segment.text.strip(),
            "confidence": _confidence(segment),
        }
        for segment in transcript.segments
    ]
    return json.dumps(segments, indent=2, ensure_ascii=False) + "\n"


def _segment(segment: LabelledSegment) -> dict[str, object]:
    return {
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        **_speaker(segment.speaker),
    }


def _segment_with_words(segment: LabelledSegment) -> dict[str, object]:
    return {**_segment(segment), "words": [_word(word) for word in segment.words]}


def _word(word: LabelledWord) -> dict[str, object]:
    return {
        "word": word.text.strip(),
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        **({"score": round(word.score, 3)} if word.score is not None else {}),
        **_speaker(word.speaker),
    }


def _speaker(speaker: str | None) -> dict[str, str]:
    return {} if speaker is None else {"speaker": speaker}


def _confidence(segment: LabelledSegment) -> float:
    """Return the mean score of the words that have one."""
    scores = [word.score for word in segment.words if word.score is not None]
    return round(sum(scores) / len(scores), 3) if scores else _CERTAIN
