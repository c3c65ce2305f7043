"""The benchmark's loop: engines take turns, so that what else the machine does befalls them all alike."""

import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial

from diarize_runner.benchmark.assembly import series_of
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Batch, Start
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.subject import Launch, Runner, Subject
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engines import STOCK
from diarize_runner.errors import PipelineError
from diarize_runner.progress import Progress


def measure(workload: Workload, items: Sequence[WorkItem], launch: Launch, progress: Progress) -> BenchmarkReport:
    """Run a workload; `items` are its recordings.

    Raises:
        DiarizeRunnerError: what loading, decoding, diarizing or scoring raises.
        PipelineError: two engines turn out to be one, as the pipeline does not allow the exact one.
    """
    busy = os.getloadavg()[0]
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with ExitStack() as stack:
        subjects = [
            _begun(workload, items[0], partial(launch, engine, device), stack)
            for device, engine in itertools.product(workload.devices, workload.engines)
        ]
        _require_different(subjects)
        _take_turns(workload, items, subjects, progress)
        environment = replace(subjects[0].runner.describe(), load_average=busy)
    return BenchmarkReport(
        date=date,
        workload=workload.name,
        environment=environment,
        cache=subjects[0].runner.loaded.cache,
        price=None,
        series=tuple(series_of(workload, items, subject, subjects) for subject in subjects),
    )


def _begun(
    workload: Workload, first: WorkItem, launch: Callable[[], AbstractContextManager[Runner]], stack: ExitStack
) -> Subject:
    """Measure what is cold in processes that come and go, one at a time, and leave the last one running."""
    batches = tuple(_batch(launch, first, count) for count in workload.batches)
    starts = []
    for _ in range(workload.starts - 1):
        with launch() as runner:
            starts.append(_start(runner, first))
    runner = stack.enter_context(launch())
    return Subject(runner=runner, starts=(*starts, _start(runner, first)), batches=batches)


def _start(runner: Runner, first: WorkItem) -> Start:
    done = runner.run(first)
    return Start(loading=runner.loaded.loading, uri=done.diarization.uri, first_call=done.call)


def _batch(launch: Callable[[], AbstractContextManager[Runner]], item: WorkItem, count: int) -> Batch:
    with launch() as runner:
        audio = sum(runner.run(item).audio_seconds for _ in range(count))
        return Batch(recordings=count, audio_seconds=audio, seconds=runner.age())


def _take_turns(workload: Workload, items: Sequence[WorkItem], subjects: Sequence[Subject], progress: Progress) -> None:
    rounds = workload.warmups + workload.repeats
    counter = itertools.count(1)
    for item in items:
        for subject in subjects:
            subject.done.append([])
        for number in range(rounds):
            for subject in subjects if number % 2 == 0 else reversed(subjects):
                subject.done[-1].append(subject.runner.run(item))
                progress.advance("benchmark", completed=next(counter), total=rounds * len(items) * len(subjects))


def _require_different(subjects: Sequence[Subject]) -> None:
    found = [(subject.runner.loaded.engine, subject.runner.loaded.device) for subject in subjects]
    if len(set(found)) < len(found):
        problem = (
            "two engines to compare are one: this pipeline does not allow the exact engine, or a device is named twice"
        )
        raise PipelineError(problem, hint=f"measure one engine: --engine {STOCK}")
