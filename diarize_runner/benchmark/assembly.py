"""From what came of the calls to what a report says of them."""

from collections.abc import Sequence

from diarize_runner.benchmark.bench import Done
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.subject import Subject
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engines import STOCK
from diarize_runner.digests import content_of, content_of_file
from diarize_runner.transcript.formats import rttm


def series_of(workload: Workload, items: Sequence[WorkItem], subject: Subject, subjects: Sequence[Subject]) -> Series:
    """Say what one subject did; the others are asked what stock said on the same device."""
    loaded = subject.runner.loaded
    here = [each for each in subjects if each is not subject and each.runner.loaded.device == loaded.device]
    stock = [each.done for each in here if each.runner.loaded.engine == STOCK]
    return Series(
        engine=loaded.engine,
        device=loaded.device,
        starts=subject.starts,
        measurements=tuple(
            _measurement(item, subject.done[number], [done[number] for done in stock], workload.warmups)
            for number, item in enumerate(items)
        ),
        batches=subject.batches,
    )


def _measurement(item: WorkItem, done: Sequence[Done], of_stock: Sequence[Sequence[Done]], warmups: int) -> Measurement:
    last, calls = done[-1], tuple(each.call for each in done)
    said, stock_said = _said(done), [_said(each) for each in of_stock]
    diarization = last.diarization
    return Measurement(
        uri=diarization.uri,
        audio_seconds=last.audio_seconds,
        audio=str(content_of_file(item.audio).digest),
        hints=item.hints,
        warmups=calls[:warmups],
        calls=calls[warmups:],
        speakers=len(diarization.speakers),
        score=score(diarization, item.reference, last.audio_seconds) if item.reference else None,
        rttm=str(content_of(rttm.render(diarization).encode()).digest),
        repeatable=len(said) == 1,
        same_as_stock=all(said == each for each in stock_said) if stock_said else None,
        memory_over_time=last.memory_over_time,
    )


def _said(done: Sequence[Done]) -> set[str]:
    return {rttm.render(each.diarization) for each in done}
