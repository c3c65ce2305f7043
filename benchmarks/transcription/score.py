"""Score utterances: `python score.py`, in the environment of the word error rates.

It reads {"recordings": [{"reference": PATH of an STM file, "hypotheses": {NAME: [utterance, ...]}}, ...]}, where an
utterance has `start_time`, `end_time`, `speaker` and `words`. It writes {"packages": {...}, "recordings": [{NAME:
{METRIC: {"errors": ..., "words": ...}}}, ...]}, where `words` counts those of the reference.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import jiwer
import meeteval
from whisper_normalizer.english import EnglishTextNormalizer

COLLAR = 5
"""Seconds, as in meeteval's documentation: tcpWER pairs no words that are further apart."""
_NOBODY = "nobody"
"""The speaker of words that have none. They are left out of cpWER and tcpWER, and so missing once; WER has them."""
_PACKAGES = ("meeteval", "jiwer", "whisper-normalizer")
_normalise = EnglishTextNormalizer()
Utterances = list[dict[str, Any]]


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    scores = [_score_all(each["reference"], each["hypotheses"]) for each in question["recordings"]]
    json.dump({"packages": {name: version(name) for name in _PACKAGES}, "recordings": scores}, sys.stdout)


def _score_all(path: str, hypotheses: Mapping[str, Utterances]) -> dict[str, Any]:
    reference = _normalised(meeteval.io.asseglst(meeteval.io.load(path)))
    return {name: _score(reference, _normalised(utterances)) for name, utterances in hypotheses.items()}


def _normalised(utterances: Iterable[Mapping[str, Any]]) -> Utterances:
    """Return the utterances with one session, and words as Whisper's normaliser has them."""
    return [
        {
            "session_id": "recording",
            "speaker": each["speaker"] or _NOBODY,
            "start_time": float(each["start_time"]),
            "end_time": float(each["end_time"]),
            "words": _normalise(each["words"]),
        }
        for each in utterances
    ]


def _score(reference: Utterances, hypothesis: Utterances) -> dict[str, dict[str, int]]:
    attributed = [{**each, "words": ""} if each["speaker"] == _NOBODY else each for each in hypothesis]
    sides = meeteval.io.asseglst(reference), meeteval.io.asseglst(attributed)
    return {
        "wer": _word_errors(_text(reference), _text(hypothesis)),
        "cpwer": _meeteval_errors(meeteval.wer.cpwer(*sides)),
        "tcpwer": _meeteval_errors(meeteval.wer.tcpwer(*sides, collar=COLLAR)),
    }


def _text(utterances: Utterances) -> str:
    return " ".join(each["words"] for each in utterances)


def _word_errors(reference: str, hypothesis: str) -> dict[str, int]:
    found = jiwer.process_words(reference, hypothesis)
    wrong = found.substitutions + found.deletions
    return {"errors": wrong + found.insertions, "words": found.hits + wrong}


def _meeteval_errors(by_session: Mapping[str, Any]) -> dict[str, int]:
    (found,) = by_session.values()
    return {"errors": found.errors, "words": found.length}


if __name__ == "__main__":
    main()
