"""Measure, and write the report."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.engines.models import verified
from benchmarks.linking.figures import cosines, figures, spread
from benchmarks.linking.heard import Heard, hear
from benchmarks.linking.methods import by_reference, offline, online, unlinked
from benchmarks.linking.recordings import Known, record
from benchmarks.voices.speech import read_voices
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.diarization.engine import load

_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(4, 17))
_ORDERS = 20


def main() -> None:
    """Measure, and write the report."""
    arguments = _arguments()
    cache = verified(arguments.cache)
    diarizer = load(cache, "cpu")
    recordings = record(read_voices(arguments.voices), arguments.recordings)
    report = {
        "environment": describe_environment("cpu").to_dict(),
        "cache": {"name": cache.manifest.name, "embedding_model": str(diarizer.embedding_model)},
        **describe(recordings),
        **measure(hear(diarizer, recordings)),
    }
    text = json.dumps(report, indent=2) + "\n"
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def describe(recordings: Sequence[Known]) -> dict[str, object]:
    """Return what was composed."""
    return {
        "recordings": [
            {"seconds": known.recording.duration, "people": list(known.reference.speakers)} for known in recordings
        ],
        "orders": _ORDERS,
    }


def measure(heard: Mapping[tuple[str, str], Sequence[Heard]]) -> dict[str, object]:
    """Return the figures of each band, with the speakers of the pipeline and with those of the reference."""
    return {
        "cosines": [
            {"band": band, "speakers": speakers, **cosines(recordings)}
            for (band, speakers), recordings in heard.items()
        ],
        "figures": [
            {"band": band, "speakers": speakers, **row}
            for (band, speakers), recordings in heard.items()
            for row in _rows(recordings)
        ],
    }


def _rows(recordings: Sequence[Heard]) -> Iterator[dict[str, object]]:
    """Yield the figures of each method: online over several orders of the recordings."""
    yield {"method": "unlinked", **spread([figures(recordings, unlinked(recordings))])}
    yield {"method": "by reference", **spread([figures(recordings, by_reference(recordings))])}
    for threshold in _THRESHOLDS:
        linked = [figures(recordings, online(recordings, threshold, order)) for order in _orders(len(recordings))]
        yield {"method": "online", "threshold": threshold, **spread(linked)}
        clustered = figures(recordings, offline(recordings, threshold))
        yield {"method": "offline", "threshold": threshold, **spread([clustered])}


def _orders(count: int) -> Iterator[Sequence[int]]:
    random = np.random.default_rng(0)
    for _ in range(_ORDERS):
        yield random.permutation(count).tolist()


def _arguments() -> argparse.Namespace:
    described = "Compose recordings of known voices, diarize them, and link their speakers."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linking", description=described)
    parser.add_argument("--voices", type=Path, required=True, metavar="DIR", help="a folder of utterances per voice")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="a restored cache")
    parser.add_argument("--recordings", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
