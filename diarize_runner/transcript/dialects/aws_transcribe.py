"""Amazon Transcribe's results.

    {"jobName": "talk", "accountId": "123456789012", "status": "COMPLETED",
     "results": {"transcripts": [{"transcript": "Hello. Hi there!"}],
                 "items": [{"id": 0, "type": "pronunciation", "start_time": "0.25", "end_time": "0.65",
                            "alternatives": [{"confidence": "0.97", "content": "Hello"}]},
                           {"id": 1, "type": "punctuation", "alternatives": [{"content": "."}]}, ...],
                 "audio_segments": [{"id": 0, "transcript": "Hello.", "start_time": "0.25", "end_time": "0.65",
                                     "items": [0, 1]}, ...]}}

Older results have no `audio_segments`: then the sentences of the transcript are the segments. A punctuation mark has no
time, and belongs to the text only. Speaker labels are ignored; the turns give the speaker.

Described in https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-it-works-output.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import read_key, read_list, read_object, read_span, read_string
from diarize_runner.transcript.dialects.raw import ImpossibleSpan, RawSegment, RawWord
from diarize_runner.transcript.dialects.word_lists import segments_from_sentences
from diarize_runner.transcript.model import Span


def _read_segments(document: dict[str, Any]) -> Iterable[RawSegment]:
    results = document["results"]
    items = list(read_list(results["items"], "results.items", read_object))
    if results.get("audio_segments"):
        return _read_audio_segments(results["audio_segments"], items)
    text = " ".join(read_list(results.get("transcripts"), "results.transcripts", _read_transcript))
    return segments_from_sentences(text, list(_read_words(enumerate(items))))


def _read_audio_segments(value: Any, items: list[dict[str, Any]]) -> Iterator[RawSegment]:
    item_of = {each["id"]: (index, each) for index, each in enumerate(items) if isinstance(each.get("id"), int)}

    def read_segment(value: Any, place: str) -> RawSegment:
        values = read_object(value, place)
        ids = read_list(values.get("items") or [], f"{place}.items", lambda each, _: each)
        own = [item_of[each] for each in ids if isinstance(each, int) and each in item_of]
        text = _read_transcript(values, place)
        return RawSegment(text=text, span=_read_span(values, place), words=list(_read_words(own)))

    return read_list(value, "results.audio_segments", read_segment)


def _read_words(items: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[RawWord]:
    for index, item in items:
        if item.get("type") != "punctuation":
            place = f"results.items[{index}]"
            alternatives = read_key(dict(item), "alternatives", place, _read_contents)
            yield RawWord(text=next(iter(alternatives), ""), span=_read_span(dict(item), place))


def _read_contents(value: Any, place: str) -> list[str]:
    return list(read_list(value, place, lambda each, at: read_key(read_object(each, at), "content", at, read_string)))


def _read_transcript(value: Any, place: str) -> str:
    return read_key(read_object(value, place), "transcript", place, read_string)


def _read_span(values: dict[str, Any], place: str) -> Span | ImpossibleSpan:
    return read_span(values, place, ("start_time", "end_time"))


def _recognises(document: Any) -> bool:
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and "items" in results


AWS_TRANSCRIBE = Dialect(
    name="Amazon Transcribe JSON",
    example='{"results": {"transcripts": [{"transcript": "Hello"}], "items": [{"type": "pronunciation", '
    '"start_time": "0.0", "end_time": "0.4", "alternatives": [{"content": "Hello"}]}]}}',
    recognises=_recognises,
    read_segments=_read_segments,
)
