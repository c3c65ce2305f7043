"""Take the steps on this machine, and write the report: `python -m benchmarks.gpu.measure DIR`.

The report is written after each step, so that a run that is stopped leaves what it measured.
"""

import argparse
import functools
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.gpu import page
from benchmarks.gpu.clocks import Sampler, sampling
from benchmarks.gpu.engines import Engines
from benchmarks.gpu.errors import exit_on_error
from benchmarks.gpu.options import add_measuring_options
from benchmarks.gpu.plan import Budget, Settings, Skipped, Step, plan_steps, take_steps
from benchmarks.gpu.recordings import read_voices, recording
from benchmarks.gpu.report import Measured, Probe, Report
from diarize_runner.benchmark.environment import Environment, describe_environment, device_name
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.engine import import_pyannote_offline, load
from diarize_runner.errors import DeviceUnavailable
from diarize_runner.progress import NoProgress

_WARM_UP = 10.0
"""Seconds of audio."""
_RESERVE = 20.0
"""Seconds for the probes and the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The results so far, and where to write them."""

    device: str
    environment: Environment
    began: float
    """Reading of `time.monotonic`."""
    budget: Budget
    budget_seconds: float
    setup_seconds: float
    sampler: Sampler
    output: Path | None
    measured: list[Measured] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)

    def add(self, measured: Measured) -> None:
        """Add a step's result, print it and write the report."""
        self.measured.append(measured)
        _print(f"{measured.seconds:8.2f} s, {measured.times_real_time:7.1f} times real time", measured.step)
        write(self.output, self.report().to_json())

    def skip(self, skipped: Skipped) -> None:
        """Add a step that was not measured, and print the reason."""
        self.skipped.append(skipped)
        _print(f"skipped: {skipped.reason}", skipped.step)

    def report(self) -> Report:
        """Return the report so far."""
        return Report(
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            device=device_name(self.device),
            environment=self.environment,
            budget_seconds=self.budget_seconds,
            used_seconds=time.monotonic() - self.began,
            setup_seconds=self.setup_seconds,
            measured=tuple(self.measured),
            skipped=tuple(self.skipped),
            problems=tuple(self.sampler.problems),
            probes=tuple(self.probes),
        )


def main() -> None:
    """Measure, and write the report; fail if stock and exact differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.measure")
    add_measuring_options(parser)
    described = "reading of CLOCK_MONOTONIC at the start of the budget (default: now)"
    parser.add_argument("--began", type=float, default=time.monotonic(), help=described)
    arguments = parser.parse_args()
    with exit_on_error(), sampling(_gpu(arguments.device)) as sampler:
        report = measure(arguments, sampler)
    write(arguments.output, report.to_json())
    write(arguments.output_html, page.render(report))
    if report.different:
        sys.exit("error: the RTTM of stock and exact differ\nhint: read same_rttm_of_stock_and_exact in the report")


def measure(arguments: argparse.Namespace, sampler: Sampler) -> Report:
    """Take the steps that fit into the budget."""
    models = open_cache(arguments.folder / "twin", NoProgress())
    import_pyannote_offline(models)
    compose = functools.cache(functools.partial(recording, voices=read_voices(arguments.folder)))
    loading = functools.partial(load, models, arguments.device)
    engines = Engines(load=loading, warm_up=compose(_WARM_UP), sampler=sampler)
    run = _start(arguments, sampler)

    def take(step: Step) -> float:
        run.add(engines.measure(step, compose(step.audio_seconds)))
        return run.measured[-1].seconds

    for skipped in take_steps(plan_steps(_settings(arguments)), run.budget, take):
        run.skip(skipped)
    run.probes.extend(engines.probe())
    return run.report()


def write(path: Path | None, text: str) -> None:
    """Write a file whole, or leave the earlier one."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)


def _start(arguments: argparse.Namespace, sampler: Sampler) -> Run:
    return Run(
        device=arguments.device,
        environment=describe_environment(arguments.device),
        began=arguments.began,
        budget=Budget(deadline=arguments.began + arguments.budget - _RESERVE),
        budget_seconds=arguments.budget,
        setup_seconds=time.monotonic() - arguments.began,
        sampler=sampler,
        output=arguments.output,
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    return Settings(
        durations=tuple(arguments.durations),
        chunk_batches=tuple(arguments.chunk_batches),
        tile_batches=tuple(arguments.tile_batches),
        rounds=arguments.rounds,
    )


def _gpu(device: str) -> str | None:
    """Return the name of the GPU for nvidia-smi; raise DeviceUnavailable if torch finds none."""
    import torch

    if device == "cpu":
        return None
    if not torch.cuda.is_available():
        raise DeviceUnavailable("torch finds no CUDA device", hint="run nvidia-smi, or use --device cpu")
    return f"GPU-{torch.cuda.get_device_properties(0).uuid}"


def _print(text: str, step: Step) -> None:
    batch = f"batch {step.batch_size}" if step.batch_size else ""
    sys.stdout.write(f"{step.engine:<6} {step.audio_seconds:7.0f} s of audio {batch:<9} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
