"""Run the measurements, and write the report."""

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support.dialogues import GOOD, POOR, USUAL, Dialogue, dialogue
from support.word_errors import cpwer, wder

from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.rules import Rules, SmoothingLimits, SplitThresholds
from diarize_runner.transcript.speaker_index import SpeakerIndex, to_microseconds

_UTTERANCES, _ROUNDS, _SEEDS = 8800, 9, 12
_QUALITIES = {"good": GOOD, "usual": USUAL, "poor": POOR}
_RULES = {
    "whole segments": Rules(split=None),
    "split at every change": Rules(split=SplitThresholds(share=0.0, seconds=0.0, words=1)),
    "split with guards": Rules(),
    "split with guards, smoothed": Rules(smooth=SmoothingLimits()),
}


def main() -> None:
    """Run both measurements."""
    described = "Measure the speed and the errors of speaker assignment."
    parser = argparse.ArgumentParser(prog="make bench-labels", description=described)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    report = {"python": platform.python_version(), "speed": measure_speed(), "errors": measure_errors()}
    print(json.dumps(report, indent=2))  # noqa: T201  # a script's output
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure_speed() -> dict[str, object]:
    """Time repeated labelling of a long conversation."""
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
    times = [(to_microseconds(word.start), to_microseconds(word.end)) for word in words]
    for _ in SpeakerIndex(long.diarization, Rules().reach).find_labels(times):
        pass


def _label_transcript(long: Dialogue) -> None:
    assign_speakers(long.transcript, long.diarization)


def _seconds(work: Callable[[Dialogue], None], long: Dialogue) -> float:
    start = time.process_time()
    work(long)
    return round(time.process_time() - start, 3)


def measure_errors() -> dict[str, dict[str, dict[str, float]]]:
    """Return the mean errors in percent, by quality of the diarization and splitting rules."""
    return {
        name: {
            rule: _mean_errors([dialogue(seed, quality) for seed in range(_SEEDS)], rules)
            for rule, rules in _RULES.items()
        }
        for name, quality in _QUALITIES.items()
    }


def _mean_errors(dialogues: Sequence[Dialogue], rules: Rules) -> dict[str, float]:
    errors = [_errors(each, rules) for each in dialogues]
    return {name: round(100 * sum(each[name] for each in errors) / len(errors), 1) for name in ("wder", "cpwer")}


def _errors(reference: Dialogue, rules: Rules) -> dict[str, float]:
    labelled = assign_speakers(reference.transcript, reference.diarization, rules)
    words = [(segment.speaker, word.text) for segment in labelled.segments for word in segment.words]
    texts = [text for _, text in words]
    labels = [speaker for speaker, _ in words]
    return {
        "wder": wder(reference.speakers, labels),
        "cpwer": cpwer(_streams(reference.speakers, texts), _streams([label or "" for label in labels], texts)),
    }


def _streams(speakers: Sequence[str], texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    streams: dict[str, list[str]] = {}
    for speaker, text in zip(speakers, texts, strict=True):
        streams.setdefault(speaker, []).append(text)
    return streams


if __name__ == "__main__":
    main()
