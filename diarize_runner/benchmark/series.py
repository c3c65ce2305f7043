"""Aggregate the calls of one engine into the Series that a report holds."""

from collections.abc import Sequence

from diarize_runner.benchmark.engine_run import EngineRun
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.timed_call import CallResult
from diarize_runner.benchmark.word_errors import WordErrors, count_word_errors
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engines import STOCK
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.transcript.formats import rttm


def build_series(workload: Workload, items: Sequence[WorkItem], run: EngineRun, runs: Sequence[EngineRun]) -> Series:
    """Aggregate `run`; compare its output with that of stock on the same device, if `runs` has it."""
    loaded = run.runner.loaded
    same_device = [each for each in runs if each is not run and each.runner.loaded.device == loaded.device]
    stock = [each.results for each in same_device if each.runner.loaded.engine == STOCK]
    return Series(
        engine=loaded.engine,
        device=loaded.device,
        transcriber=run.results[0][-1].transcriber,
        starts=run.starts,
        measurements=tuple(
            _measurement(item, run.results[number], [results[number] for results in stock], workload.warmups)
            for number, item in enumerate(items)
        ),
        batches=run.batches,
    )


def _measurement(
    item: WorkItem, results: Sequence[CallResult], stock: Sequence[Sequence[CallResult]], warmups: int
) -> Measurement:
    last, calls = results[-1], tuple(result.call for result in results)
    outputs, stock_outputs = _distinct_rttms(results), [_distinct_rttms(each) for each in stock]
    diarization = last.diarization
    return Measurement(
        uri=diarization.uri,
        audio_seconds=last.audio_seconds,
        audio=str(hash_file(item.audio).digest),
        hints=item.hints,
        warmups=calls[:warmups],
        calls=calls[warmups:],
        speakers=len(diarization.speakers),
        score=score(diarization, item.reference, last.audio_seconds, item.uem) if item.reference else None,
        words=_word_errors(item, last),
        rttm=str(hash_bytes(rttm.render(diarization).encode()).digest),
        repeatable=len(outputs) == 1,
        same_as_stock=all(outputs == each for each in stock_outputs) if stock_outputs else None,
        memory_over_time=last.memory_over_time,
    )


def _word_errors(item: WorkItem, result: CallResult) -> WordErrors | None:
    return count_word_errors(result.transcript, item.spoken) if result.transcript and item.spoken else None


def _distinct_rttms(results: Sequence[CallResult]) -> set[str]:
    return {rttm.render(result.diarization) for result in results}
