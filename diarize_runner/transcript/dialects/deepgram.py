"""Deepgram's responses.

    {"metadata": {"duration": 8.47, "channels": 1, ...},
     "results": {"channels": [{"alternatives": [{"transcript": "Hello. Hi there!", "words": [
                     {"word": "hello", "punctuated_word": "Hello.", "start": 0.25, "end": 0.65}, ...]}]}],
                 "utterances": [{"start": 0.25, "end": 0.65, "transcript": "Hello.", "words": [...]}, ...]}}

Utterances are optional: without, the sentences of each channel's first alternative are the segments. Channels follow
one another. The speakers of words are ignored; the turns give the speaker.

Described in https://developers.deepgram.com/docs/utterances and
https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import read_key, read_list, read_object, read_span, read_string
from diarize_runner.transcript.dialects.raw import RawSegment, RawWord
from diarize_runner.transcript.dialects.word_lists import segments_from_sentences


def _read_segments(document: dict[str, Any]) -> Iterable[RawSegment]:
    results = document["results"]
    if results.get("utterances"):
        return read_list(results["utterances"], "results.utterances", _read_utterance)
    return chain.from_iterable(read_list(results["channels"], "results.channels", _read_channel))


def _read_utterance(value: Any, place: str) -> RawSegment:
    values = read_object(value, place)
    text = read_key(values, "transcript", place, read_string)
    return RawSegment(text=text, span=read_span(values, place), words=_read_words(values, place))


def _read_channel(value: Any, place: str) -> Iterable[RawSegment]:
    alternatives = read_key(read_object(value, place), "alternatives", place, _read_alternatives)
    return alternatives[0] if alternatives else ()


def _read_alternatives(value: Any, place: str) -> list[Iterable[RawSegment]]:
    return list(read_list(value, place, _read_alternative))


def _read_alternative(value: Any, place: str) -> Iterable[RawSegment]:
    values = read_object(value, place)
    return segments_from_sentences(read_key(values, "transcript", place, read_string), _read_words(values, place))


def _read_words(values: dict[str, Any], place: str) -> list[RawWord]:
    return list(read_list(values.get("words") or [], f"{place}.words", _read_word))


def _read_word(value: Any, place: str) -> RawWord:
    values = read_object(value, place)
    key = "punctuated_word" if "punctuated_word" in values else "word"
    return RawWord(text=read_key(values, key, place, read_string), span=read_span(values, place))


def _recognises(document: Any) -> bool:
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and "channels" in results


DEEPGRAM = Dialect(
    name="Deepgram JSON",
    example='{"results": {"channels": [{"alternatives": [{"transcript": "Hello", '
    '"words": [{"word": "hello", "start": 0.0, "end": 0.4}]}]}]}}',
    recognises=_recognises,
    read_segments=_read_segments,
)
