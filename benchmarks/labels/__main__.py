"""Measure, print, write."""

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support.dialogues import GOOD, POOR, USUAL, Dialogue, dialogue
from support.word_errors import cpwer, wder

from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.hearing import Hearing, microseconds
from diarize_runner.transcript.rules import Guards, Island, Rules

_UTTERANCES, _ROUNDS, _SEEDS = 8800, 9, 12
_HEARINGS = {"good": GOOD, "usual": USUAL, "poor": POOR}
_RULES = {
    "whole segments": Rules(split=None),
    "split at every change": Rules(split=Guards(share=0.0, seconds=0.0, words=1)),
    "split with guards": Rules(),
    "split with guards, smoothed": Rules(smooth=Island()),
}


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(prog="make bench-labels", description="How fast and how right labels are.")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    report = {"python": platform.python_version(), "speed": speed(), "errors": errors()}
    print(json.dumps(report, indent=2))  # noqa: T201  # a script's output
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def speed() -> dict[str, object]:
    """Label a long conversation again and again."""
    long = dialogue(0, GOOD, utterances=_UTTERANCES, sentences=1)
    rounds = range(_ROUNDS)
    return {
        "words": len(long.speakers),
        "turns": len(long.diarization.turns),
        "segments": len(long.transcript.segments),
        "words_alone_seconds": min(_seconds(_label_words, long) for _ in rounds),
        "whole_transcript_seconds": min(_seconds(_label_transcript, long) for _ in rounds),
    }


def _label_words(long: Dialogue) -> None:
    words = [word for segment in long.transcript.segments for word in segment.words]
    times = [(microseconds(word.start), microseconds(word.end)) for word in words]
    for _ in Hearing(long.diarization, Rules().reach).labels(times):
        pass


def _label_transcript(long: Dialogue) -> None:
    assign_speakers(long.transcript, long.diarization)


def _seconds(work: Callable[[Dialogue], None], long: Dialogue) -> float:
    start = time.process_time()
    work(long)
    return round(time.process_time() - start, 3)


def errors() -> dict[str, dict[str, dict[str, float]]]:
    """Return the mean errors in percent, by hearing and rules."""
    return {
        name: {
            rule: _mean_errors([dialogue(seed, hearing) for seed in range(_SEEDS)], rules)
            for rule, rules in _RULES.items()
        }
        for name, hearing in _HEARINGS.items()
    }


def _mean_errors(dialogues: Sequence[Dialogue], rules: Rules) -> dict[str, float]:
    both = [_errors(each, rules) for each in dialogues]
    return {name: round(100 * sum(each[name] for each in both) / len(both), 1) for name in ("wder", "cpwer")}


def _errors(made: Dialogue, rules: Rules) -> dict[str, float]:
    labelled = assign_speakers(made.transcript, made.diarization, rules)
    found = [(piece.speaker, word.text) for piece in labelled.segments for word in piece.words]
    texts = [text for _, text in found]
    return {
        "wder": wder(made.speakers, [speaker for speaker, _ in found]),
        "cpwer": cpwer(_streams(made.speakers, texts), _streams([speaker or "" for speaker, _ in found], texts)),
    }


def _streams(speakers: Sequence[str], texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    streams: dict[str, list[str]] = {}
    for speaker, text in zip(speakers, texts, strict=True):
        streams.setdefault(speaker, []).append(text)
    return streams


if __name__ == "__main__":
    main()
