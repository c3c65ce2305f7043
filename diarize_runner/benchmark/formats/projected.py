"""A projection in words, with its arithmetic: it never stands without saying that it is none that was measured."""

from diarize_runner.benchmark.formats.markdown import plain
from diarize_runner.benchmark.formats.words import day, length, seconds, share
from diarize_runner.benchmark.projection import (
    CHUNKS_PER_HOUR,
    OPERATIONS_PER_CHUNK,
    REACHED,
    T4_OPERATIONS_PER_SECOND,
    project_to_t4,
)
from diarize_runner.benchmark.report import BenchmarkReport


def paragraph(report: BenchmarkReport) -> str:
    """Return what an hour of audio would take on a T4; raises UsageError as `project_to_t4` does."""
    found = project_to_t4(report)
    least, most = REACHED
    cpu, cache = plain(report.environment.cpu), plain(report.cache.partition(" sha256:")[0])
    lengths = f"{length(found.measured.audio_seconds)} of audio, cache {cache}, {plain(day(report.date))}"
    return (
        f"**Projected, not measured**: on a T4 the exact engine would take "
        f"{_span(found.total.least, found.total.most)} for an hour of audio with models of community-1's shapes. "
        f"The embedding hears {CHUNKS_PER_HOUR:,} chunks at {OPERATIONS_PER_CHUNK / 1e9:.1f} GFLOP; a T4 has "
        f"{T4_OPERATIONS_PER_SECOND / 1e12:.1f} TFLOP/s in float32 by NVIDIA's data sheet, of which {share(least)} to "
        f"{share(most)} are taken to be reached: {_span(found.embedding.least, found.embedding.most)}. Segmentation is "
        f"taken to cost between nothing and what a CPU took, {seconds(found.segmentation.most)}; clustering and "
        f"reconstruction what they took there, {seconds(found.on_the_cpu)}. "
        f"That CPU: {report.environment.cpu_count} cores of {cpu} ({lengths})."
    )


def _span(least: float, most: float) -> str:
    return f"{least:.0f} to {most:.0f} s"
