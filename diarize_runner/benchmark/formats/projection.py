"""Render a T4 projection as text with its arithmetic, always marked as not measured."""

from diarize_runner.benchmark.formats.figures import format_day, format_duration, format_percent, format_seconds
from diarize_runner.benchmark.formats.markdown import escape_markdown
from diarize_runner.benchmark.projection import (
    CHUNKS_PER_HOUR,
    OPERATIONS_PER_CHUNK,
    UTILISATION,
    Projection,
    SecondsRange,
    network_of_fast,
    pooling_of_fast,
    project_to_t4,
)
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.t4 import NETWORK_OF_FAST, SEGMENTATION, T4_BYTES_PER_SECOND, T4_OPERATIONS_PER_SECOND
from diarize_runner.diarization.engines import FAST


def projection_paragraph(report: BenchmarkReport) -> str:
    """Describe the projected time for an hour of audio on a T4; raise UsageError as `project_to_t4` does."""
    projection = project_to_t4(report)
    text = _of_fast(projection) if projection.measured.engine == FAST else _of_exact(projection)
    cpu, cache = escape_markdown(report.environment.cpu), escape_markdown(report.cache.partition(" sha256:")[0])
    source = f"{format_duration(projection.measured.audio_seconds)} of audio, cache {cache}"
    return (
        f"**Projected, not measured**: on a T4 the {projection.measured.engine} engine would take "
        f"{_range(projection.total)} for an hour of audio with models of community-1's shapes{text} The CPU: "
        f"{report.environment.cpu_count} cores of {cpu} ({source}, {escape_markdown(format_day(report.date))})."
    )


def _of_exact(projection: Projection) -> str:
    lowest, highest = UTILISATION
    return (
        f". The embedding takes {CHUNKS_PER_HOUR:,} chunks at {OPERATIONS_PER_CHUNK / 1e9:.1f} GFLOP; a T4 has "
        f"{T4_OPERATIONS_PER_SECOND / 1e12:.1f} TFLOP/s in float32 by NVIDIA's data sheet, with an assumed utilisation "
        f"of {format_percent(lowest)} to {format_percent(highest)}: {_range(projection.embedding)}. Segmentation is "
        f"assumed to take from 0 s to a CPU's time, {format_seconds(projection.segmentation.most)}, and "
        f"{_cpu_stages(projection)}."
    )


def _of_fast(projection: Projection) -> str:
    lowest, highest = UTILISATION
    slowest, fastest = projection.times_real_time
    return (
        f": {slowest:.0f} to {fastest:.0f} times real time. "
        f"Torch counts {NETWORK_OF_FAST.operations / 1e12:.1f} TFLOP for the embedding network and "
        f"{SEGMENTATION.operations / 1e12:.1f} TFLOP for segmentation, which processes each second ten times. A T4 has "
        f"{T4_OPERATIONS_PER_SECOND / 1e12:.1f} TFLOP/s in float32 and {T4_BYTES_PER_SECOND / 1e9:.0f} GB/s by "
        f"NVIDIA's data sheet, with an assumed utilisation of {format_percent(lowest)} to {format_percent(highest)}. "
        f"The embedding network takes {_precise(network_of_fast())}, segmentation "
        f"{_precise(projection.segmentation)}, pooling {_precise(pooling_of_fast())}, and {_cpu_stages(projection)}."
    )


def _cpu_stages(projection: Projection) -> str:
    return (
        f"the CPU's stages (speaker counting, clustering, reconstruction) {format_seconds(projection.cpu_seconds)}; "
        "clustering grows with the square of the duration"
    )


def _range(seconds: SecondsRange) -> str:
    return f"{seconds.least:.0f} to {seconds.most:.0f} s"


def _precise(seconds: SecondsRange) -> str:
    return f"{seconds.least:.1f} to {seconds.most:.1f} s"
