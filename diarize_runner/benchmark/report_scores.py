"""The JSON form of scores and word errors.

Format 3 of a report added the last three keys of a score, and word errors.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from typing import TypeVar

from diarize_runner.benchmark.alignment import Alignment, ErrorSeconds, Region
from diarize_runner.benchmark.bounds import read_duration
from diarize_runner.benchmark.measurement import Score
from diarize_runner.benchmark.word_errors import WordErrors
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.rttm import require_bounded
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.errors import RttmError

_RATES = ("missed", "false_alarm", "confusion", "jer")
_SINCE_3 = ("found_speakers", "seconds", "alignment")

_Value = TypeVar("_Value")


def score_to_dict(score: Score) -> dict[str, object]:
    """Return the JSON form."""
    return {
        **{name: getattr(score, name) for name in ("der", *_RATES, "speakers", "found_speakers")},
        "seconds": asdict(score.seconds) if score.seconds else None,
        "alignment": _alignment_to_dict(score.alignment) if score.alignment else None,
    }


def read_score(node: Node) -> Score:
    """Read a score of format 2 or 3; raise ManifestError if it is invalid."""
    at = node.fields(["der", *_RATES, "speakers"], optional=_SINCE_3)
    return Score(
        der=at["der"].number(),
        **{name: _optional(at[name], Node.number) for name in _RATES},
        speakers=at["speakers"].count(),
        found_speakers=_optional(at.get("found_speakers"), Node.count),
        seconds=_optional(at.get("seconds"), _seconds),
        alignment=_optional(at.get("alignment"), _alignment),
    )


def words_to_dict(errors: WordErrors) -> dict[str, object]:
    """Return the JSON form."""
    return {**asdict(errors), "rate": errors.rate}


def read_words(node: Node) -> WordErrors:
    """Read word errors; raise ManifestError if they are invalid."""
    names = [field.name for field in fields(WordErrors)]
    at = node.fields(names, optional=["rate"])
    if not at["words"].count():
        raise at["words"].error("expected 1 or more words in the reference")
    return WordErrors(**{name: at[name].count() for name in names})


def _alignment_to_dict(alignment: Alignment) -> dict[str, object]:
    return {
        "scored": [list(region) for region in alignment.scored],
        "reference": _turns_to_lists(alignment.reference),
        "found": _turns_to_lists(alignment.found),
        "speakers": dict(alignment.speakers),
    }


def _turns_to_lists(turns: Iterable[SpeakerTurn]) -> list[object]:
    return [[turn.start, turn.end, turn.speaker] for turn in turns]


def _seconds(node: Node) -> ErrorSeconds:
    names = [field.name for field in fields(ErrorSeconds)]
    return ErrorSeconds(**{name: _duration(each) for name, each in node.fields(names).items()})


def _duration(node: Node) -> float:
    """Return seconds, which may be 0 but not too small to divide by."""
    return 0.0 if node.number() == 0 else read_duration(node)


def _alignment(node: Node) -> Alignment:
    at = node.fields([field.name for field in fields(Alignment)])
    return Alignment(
        scored=tuple(map(_region, at["scored"].items())),
        reference=_turns(at["reference"]),
        found=_turns(at["found"]),
        speakers={label: each.text() for label, each in at["speakers"].entries().items()},
    )


def _region(node: Node) -> Region:
    pair = node.items()
    if len(pair) != 2 or pair[0].number() > pair[1].number():  # noqa: PLR2004
        raise node.error("expected [start, end], in seconds")
    return pair[0].number(), pair[1].number()


def _turns(node: Node) -> tuple[SpeakerTurn, ...]:
    turns = tuple(map(_turn, node.items()))
    try:
        require_bounded(turns, node.document)
    except RttmError as reason:
        raise node.error(reason.message) from reason
    return turns


def _turn(node: Node) -> SpeakerTurn:
    parts = node.items()
    if len(parts) != 3 or parts[0].number() > parts[1].number():  # noqa: PLR2004
        raise node.error("expected [start, end, speaker], in seconds")
    return SpeakerTurn(start=parts[0].number(), end=parts[1].number(), speaker=parts[2].text())


def _optional(node: Node | None, read: Callable[[Node], _Value]) -> _Value | None:
    return None if node is None or node.value is None else read(node)
