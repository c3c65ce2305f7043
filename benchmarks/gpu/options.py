"""Options of `run`, which starts `measure.py` with the same ones. Imports only the standard library."""

import argparse
from pathlib import Path

BUDGET = 480.0
"""Seconds."""


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` and `measure.py` share."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="written by prepare")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="default: %(default)s")
    described = "seconds for everything; steps that do not fit are skipped (default: %(default)g)"
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help=described)
    described = "durations of the recordings, shortest first (default: 60 600 3600)"
    parser.add_argument(
        "--durations", type=float, nargs="+", metavar="SECONDS", default=[60.0, 600.0, 3600.0], help=described
    )
    described = "batch sizes of the exact engine (default: 8 16 32 64)"
    parser.add_argument("--chunk-batches", type=int, nargs="*", metavar="N", default=[8, 16, 32, 64], help=described)
    described = "batch sizes of the fast engine (default: 8 16 32 64)"
    parser.add_argument("--tile-batches", type=int, nargs="*", metavar="N", default=[8, 16, 32, 64], help=described)
    described = "how often each but the longest recording is measured, if time is left (default: %(default)s)"
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help=described)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--output-html", type=Path, metavar="FILE", help="write the report as one page")
