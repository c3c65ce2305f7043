"""Run a workload: engines alternate, so background load affects all equally."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial

from diarize_runner.benchmark.engine_run import EngineRun, Launch, Runner
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Batch, Start
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.series import build_series
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engines import STOCK
from diarize_runner.errors import PipelineError
from diarize_runner.progress import Progress


def measure(workload: Workload, items: Sequence[WorkItem], launch: Launch, progress: Progress) -> BenchmarkReport:
    """Run a workload; `items` are its recordings.

    Raises:
        DiarizeRunnerError: loading, decoding, diarizing or scoring failed.
        PipelineError: two of the engines load as the same one.
    """
    load_average = os.getloadavg()[0]
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with ExitStack() as stack:
        runs = [
            _start_run(workload, items[0], partial(launch, engine, device), stack)
            for device, engine in itertools.product(workload.devices, workload.engines)
        ]
        _require_different(runs)
        _run_rounds(workload, items, runs, progress)
        environment = replace(runs[0].runner.describe(), load_average=load_average)
    return BenchmarkReport(
        date=date,
        workload=workload.name,
        environment=environment,
        cache=runs[0].runner.loaded.cache,
        price=None,
        series=tuple(build_series(workload, items, run, runs) for run in runs),
    )


def _start_run(
    workload: Workload, first: WorkItem, launch: Callable[[], AbstractContextManager[Runner]], stack: ExitStack
) -> EngineRun:
    """Measure batches and cold starts, each in a new process; leave the last process running."""
    batches = tuple(_batch(launch, first, count) for count in workload.batches)
    starts = []
    for _ in range(workload.starts - 1):
        with launch() as runner:
            starts.append(_start(runner, first))
    runner = stack.enter_context(launch())
    return EngineRun(runner=runner, starts=(*starts, _start(runner, first)), batches=batches)


def _start(runner: Runner, first: WorkItem) -> Start:
    result = runner.run(first)
    return Start(loading=runner.loaded.loading, uri=result.diarization.uri, first_call=result.call)


def _batch(launch: Callable[[], AbstractContextManager[Runner]], item: WorkItem, count: int) -> Batch:
    with launch() as runner:
        audio = sum(runner.run(item).audio_seconds for _ in range(count))
        return Batch(recordings=count, audio_seconds=audio, seconds=runner.age())


def _run_rounds(workload: Workload, items: Sequence[WorkItem], runs: Sequence[EngineRun], progress: Progress) -> None:
    rounds = workload.warmups + workload.repeats
    counter = itertools.count(1)
    for item in items:
        for run in runs:
            run.results.append([])
        for number in range(rounds):
            for run in runs if number % 2 == 0 else reversed(runs):
                run.results[-1].append(run.runner.run(item))
                progress.advance("benchmark", completed=next(counter), total=rounds * len(items) * len(runs))


def _require_different(runs: Sequence[EngineRun]) -> None:
    loaded = Counter((run.runner.loaded.engine, run.runner.loaded.device) for run in runs)
    (engine, device), count = loaded.most_common(1)[0]
    if count > 1:
        problem = f"{count} series would be of the {engine} engine on {device}"
        hint = f"measure one engine, such as --engine {STOCK}: auto chooses one, and an unsupported pipeline gets stock"
        raise PipelineError(problem, hint=hint)
