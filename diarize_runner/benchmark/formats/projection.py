"""Render a T4 projection as text with its arithmetic, always marked as not measured."""

from diarize_runner.benchmark.formats.figures import format_day, format_duration, format_percent, format_seconds
from diarize_runner.benchmark.formats.markdown import escape_markdown
from diarize_runner.benchmark.projection import (
    CHUNKS_PER_HOUR,
    OPERATIONS_PER_CHUNK,
    T4_OPERATIONS_PER_SECOND,
    UTILISATION,
    SecondsRange,
    project_to_t4,
)
from diarize_runner.benchmark.report import BenchmarkReport


def projection_paragraph(report: BenchmarkReport) -> str:
    """Describe the projected time for an hour of audio on a T4; raise UsageError as `project_to_t4` does."""
    projection = project_to_t4(report)
    lowest, highest = UTILISATION
    cpu, cache = escape_markdown(report.environment.cpu), escape_markdown(report.cache.partition(" sha256:")[0])
    source = f"{format_duration(projection.measured.audio_seconds)} of audio, cache {cache}"
    return (
        f"**Projected, not measured**: on a T4 the exact engine would take {_range(projection.total)} "
        f"for an hour of audio with models of community-1's shapes. "
        f"The embedding takes {CHUNKS_PER_HOUR:,} chunks at {OPERATIONS_PER_CHUNK / 1e9:.1f} GFLOP; a T4 has "
        f"{T4_OPERATIONS_PER_SECOND / 1e12:.1f} TFLOP/s in float32 by NVIDIA's data sheet, with an assumed utilisation "
        f"of {format_percent(lowest)} to {format_percent(highest)}: {_range(projection.embedding)}. Segmentation is "
        f"assumed to take from 0 s to a CPU's time, {format_seconds(projection.segmentation.most)}; clustering and "
        f"reconstruction take the CPU's time, {format_seconds(projection.cpu_seconds)}. The CPU: "
        f"{report.environment.cpu_count} cores of {cpu} ({source}, {escape_markdown(format_day(report.date))})."
    )


def _range(seconds: SecondsRange) -> str:
    return f"{seconds.least:.0f} to {seconds.most:.0f} s"
