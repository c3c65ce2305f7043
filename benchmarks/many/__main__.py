"""Run the rounds, and write the report."""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.many.link import Place, behind_link
from benchmarks.many.store import kept_version, link_store
from benchmarks.many.turns import IMAGES, MODELS, Turn, figures, take_turn
from benchmarks.provision.site import ROOT
from benchmarks.restore.__main__ import machine, table
from benchmarks.restore.servers import Web, nginx

sys.path.append(str(ROOT / "tests"))
from support.nginx import pull_through

_STORE = "store"


def main() -> None:
    """Measure, print, and write the report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-many-", dir="/var/tmp") as name:  # the images are large
        work = Path(name)
        link_store(kept_version(), work / _STORE)
        place = behind_link(arguments.link) if arguments.link else nullcontext(Place())
        with place as where, nginx(work, where.address, where.prefix) as origin:
            report = {
                "command": " ".join(["python -m benchmarks.many", *sys.argv[1:]]),
                "machine": machine(),
                "boxes": arguments.boxes,
                "link_megabits": arguments.link,
                "models": measure(MODELS, origin, work, arguments.boxes, arguments.rounds),
            }
            if arguments.images:
                report["images"] = measure(IMAGES, origin, work, arguments.images, arguments.rounds)
                report["boxes_for_images"] = arguments.images
    sys.stdout.write(table(report) + "\n")
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-many", description="Time many boxes that fetch at once.")
    parser.add_argument("--boxes", type=int, default=10, metavar="N", help="for the models (default: %(default)s)")
    parser.add_argument("--images", type=int, metavar="N", help="fetch images, too, to N boxes: 4 GB of disk for each")
    parser.add_argument("--link", type=int, metavar="MBIT", help="the rate of the link to the store in Mbit/s (root)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def measure(what: Sequence[str], origin: Web, work: Path, boxes: int, rounds: int) -> dict[str, object]:
    """Return the figures of all turns, and how they compare."""
    turns: dict[str, list[Turn]] = {}
    folders = [work / f"boxes/{number}" for number in range(boxes)]
    for number in range(rounds):
        for name, turn in _round(what, origin, work / f"rack-{number}", folders):
            turns.setdefault(name, []).append(turn)
    return {**{name: figures(each) for name, each in turns.items()}, "compared": _compare(turns, boxes)}


def _round(what: Sequence[str], origin: Web, rack: Path, folders: Sequence[Path]) -> Iterator[tuple[str, Turn]]:
    directly = f"{origin.url}/{_STORE}"
    yield "one_directly", take_turn(what, directly, folders[:1], origin)
    yield "all_directly", take_turn(what, directly, folders, origin)
    with _cache(origin, rack) as store:
        yield "all_with_an_empty_cache", take_turn(what, store, folders, origin)
        yield "all_with_a_filled_cache", take_turn(what, store, folders, origin)


@contextmanager
def _cache(origin: Web, folder: Path) -> Iterator[str]:
    """Run the cache; yield the address of the store behind it, and remove what it has kept."""
    with pull_through(origin.url, folder) as cache:
        yield f"{cache.url}/{_STORE}"
    shutil.rmtree(folder)


def _compare(turns: Mapping[str, Sequence[Turn]], boxes: int) -> dict[str, object]:
    seconds = {name: statistics.median(turn.seconds for turn in each) for name, each in turns.items()}
    sent = {name: statistics.median(turn.bytes for turn in each) for name, each in turns.items()}
    one, all_directly, empty = "one_directly", "all_directly", "all_with_an_empty_cache"
    return {
        "seconds_of_all_directly_per_n_times_one": seconds[all_directly] / (boxes * seconds[one]),
        "seconds_of_all_with_an_empty_cache_per_directly": seconds[empty] / seconds[all_directly],
        "origin_bytes_per_bytes_of_one": {name: sent[name] / sent[one] for name in turns},
    }


if __name__ == "__main__":
    main()
