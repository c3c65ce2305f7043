"""AssemblyAI's transcripts, in milliseconds.

    {"id": "5551722", "status": "completed", "acoustic_model": "assemblyai_default", "audio_duration": 8,
     "text": "Hello. Hi there!", "words": [{"text": "Hello.", "start": 250, "end": 650, "confidence": 0.97}, ...],
     "utterances": [{"speaker": "A", "start": 250, "end": 650, "text": "Hello.", "words": [...]}, ...]}

Only a request for speaker labels returns utterances: without, the sentences of `text` are the segments. Their speakers
are ignored; the turns give the speaker.

Described in https://www.assemblyai.com/docs/api-reference/transcripts/get.
"""

from collections.abc import Iterable
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import (
    read_key,
    read_list,
    read_milliseconds,
    read_object,
    read_span,
    read_string,
)
from diarize_runner.transcript.dialects.raw import ImpossibleSpan, RawSegment, RawWord
from diarize_runner.transcript.dialects.word_lists import segments_from_sentences
from diarize_runner.transcript.model import Span

_OWN_KEYS = {"utterances", "acoustic_model", "audio_url", "audio_duration"}


def _read_segments(document: dict[str, Any]) -> Iterable[RawSegment]:
    if document.get("utterances"):
        return read_list(document["utterances"], "utterances", _read_utterance)
    words = list(read_list(document.get("words") or [], "words", _read_word))
    return segments_from_sentences(read_key(document, "text", "", read_string), words)


def _read_utterance(value: Any, place: str) -> RawSegment:
    values = read_object(value, place)
    words = list(read_list(values.get("words") or [], f"{place}.words", _read_word))
    return RawSegment(text=read_key(values, "text", place, read_string), span=_read_span(values, place), words=words)


def _read_word(value: Any, place: str) -> RawWord:
    values = read_object(value, place)
    return RawWord(text=read_key(values, "text", place, read_string), span=_read_span(values, place))


def _read_span(values: dict[str, Any], place: str) -> Span | ImpossibleSpan:
    return read_span(values, place, read_time=read_milliseconds)


def _recognises(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and "text" in document
        and "segments" not in document
        and not _OWN_KEYS.isdisjoint(document)
    )


ASSEMBLYAI = Dialect(
    name="AssemblyAI JSON",
    example='{"text": "Hello", "utterances": [{"start": 0, "end": 2500, "text": "Hello"}]}',
    recognises=_recognises,
    read_segments=_read_segments,
)
