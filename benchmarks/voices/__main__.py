"""Measure, and write the report."""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.engines.models import verified
from benchmarks.voices.figures import figures
from benchmarks.voices.speech import BANDS, ENROLLED_BANDS, read_voices
from benchmarks.voices.trials import ENROLLED_SECONDS, TESTED_SECONDS, Enrolment, Tested, enrol, score, test
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.diarization.engine import load
from diarize_runner.voices.matching import DEFAULT_THRESHOLD


def main() -> None:
    """Measure, and write the report."""
    arguments = _arguments()
    cache = verified(arguments.cache)
    diarizer, voices = load(cache, "cpu"), read_voices(arguments.voices)
    enrolments, tested = list(enrol(diarizer, voices)), list(test(diarizer, voices))
    report = {
        "environment": describe_environment("cpu").to_dict(),
        "cache": {"name": cache.manifest.name, "embedding_model": str(diarizer.embedding_model)},
        "voices": {name: len(utterances) for name, utterances in voices.items()},
        "threshold": arguments.threshold,
        "figures": list(_rows(enrolments, tested, arguments.threshold)),
    }
    text = json.dumps(report, indent=2) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _rows(enrolments: Sequence[Enrolment], tested: Sequence[Tested], threshold: float) -> Iterator[dict[str, object]]:
    """Yield the figures for each length and band."""
    lengths = (ENROLLED_SECONDS, TESTED_SECONDS)
    for band, heard, enrolled, seconds in itertools.product(ENROLLED_BANDS, BANDS, *lengths):
        trials = score(
            [each for each in enrolments if (each.band, each.seconds) == (band, enrolled)],
            [each for each in tested if (each.band, each.seconds) == (heard, seconds)],
        )
        kind = {"enrolled_band": band, "tested_band": heard, "enrolled_seconds": enrolled, "tested_seconds": seconds}
        yield {**kind, **figures(list(trials), threshold)}


def _arguments() -> argparse.Namespace:
    described = "Enrol known voices, and score other utterances of theirs and of the others."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voices", description=described)
    parser.add_argument("--voices", type=Path, required=True, metavar="DIR", help="a folder of utterances per voice")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="a restored cache")
    parser.add_argument("--threshold", type=float, default=DEFAULT_THRESHOLD, help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
