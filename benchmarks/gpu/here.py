"""Prepare a folder and measure with this environment, all under .bench/."""

import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from benchmarks.gpu import bare
from benchmarks.gpu.options import add_measuring_options
from benchmarks.gpu.prepare import HERE, prepare
from diarize_runner.errors import DeviceUnavailable

_BENCH = Path(".bench")


def measure_here(device: str) -> int:
    """Prepare what is missing, measure, and write the report; return the exit status.

    Raises:
        DeviceUnavailable: cuda is requested but not available.
        DiarizeRunnerError: see `prepare`.
    """
    if device == "cuda":
        _require_cuda()
    folder = _BENCH / "gpu"
    if not (folder / bare.PREPARED).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        prepare(Namespace(folder=folder, python=HERE, installed=None))
    parser = ArgumentParser()
    add_measuring_options(parser)
    reports = [_BENCH / "gpu.json", _BENCH / "gpu.html"]
    words = [folder, "--device", device, "-o", reports[0], "--output-html", reports[1]]
    status = bare.run(parser.parse_args([str(word) for word in words]))
    if status == 0:
        sys.stdout.write(f"The report is in {reports[0]} and {reports[1]}\n")
    return status


def _require_cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        hint = (
            "prepare a folder, python -m benchmarks.gpu prepare DIR, and carry it to a machine with a GPU and torch; "
            "there: cd DIR/code && python3 -m benchmarks.gpu run .. -o report.json --output-html report.html"
        )
        raise DeviceUnavailable("torch finds no CUDA device here", hint=hint)
