"""`python -m benchmarks.gpu here`; `prepare DIR` and `run DIR` for another machine."""

import argparse
import sys
from pathlib import Path

from benchmarks.gpu import bare
from benchmarks.gpu.options import add_measuring_options


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Measure a GPU machine.")
    commands = parser.add_subparsers(required=True, dest="command")
    _add_preparing_options(commands.add_parser("prepare", help="fill a folder to carry to the machine"))
    add_measuring_options(commands.add_parser("run", help="measure on this machine, with such a folder alone"))
    here = commands.add_parser("here", help="prepare and measure on this machine, under .bench/")
    here.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="default: %(default)s")
    arguments = parser.parse_args()
    if arguments.command == "run":
        sys.exit(bare.run(arguments))
    from benchmarks.gpu.errors import exit_on_error
    from benchmarks.gpu.here import measure_here
    from benchmarks.gpu.prepare import prepare

    with exit_on_error():
        sys.exit(measure_here(arguments.device) if arguments.command == "here" else prepare(arguments))


def _add_preparing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="must not exist, or be empty")
    described = "the machine's Python; here: this environment serves, carry no wheels (default: %(default)s)"
    parser.add_argument("--python", default="3.12", metavar="VERSION", help=described)
    described = (
        "names that the machine has, one a line, as `pip list --format=freeze` prints them (default: a usual list)"
    )
    parser.add_argument("--installed", type=Path, metavar="FILE", help=described)


if __name__ == "__main__":
    main()
