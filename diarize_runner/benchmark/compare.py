"""Two reports, recording by recording: how much longer the second takes.

Times from unlike machines say nothing of a change in the software, so what is unlike is found first. Versions of
diarize-runner itself may differ: they are what is compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Measurement
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.errors import UsageError

_CHECKED = ("cpu", "cpu_count", "threads", "instance", "python")
_OURSELVES = "diarize-runner"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One recording in both reports."""

    engine: str
    device: str
    before: Measurement
    after: Measurement

    @property
    def ratio(self) -> float:
        """Median after / median before: above 1 is slower."""
        return self.after.median_seconds / self.before.median_seconds

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the most that the ratio of any two calls can be."""
        before, after = self.before.processing_seconds, self.after.processing_seconds
        return min(after) / max(before), max(after) / min(before)

    @property
    def same_output(self) -> bool | None:
        """Whether the same was said; None where a report does not tell."""
        said = (self.before.rttm, self.after.rttm)
        return None if None in said else said[0] == said[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every recording that both reports have."""

    changes: tuple[Change, ...]
    differences: tuple[str, ...]
    """What is unlike in the two environments."""

    @property
    def ratio(self) -> float:
        """The sum of the medians after / that before."""
        after = sum(change.after.median_seconds for change in self.changes)
        return after / sum(change.before.median_seconds for change in self.changes)


def compare(before: BenchmarkReport, after: BenchmarkReport) -> Comparison:
    """Compare two reports.

    Raises:
        UsageError: they have no recording in common, or two that only have the name in common.
    """
    changes = tuple(_changes(before, after))
    if not changes:
        hint = "both must have measured one engine on one device with one recording"
        raise UsageError("the reports have nothing in common", hint=hint)
    for change in changes:
        digests = {change.before.audio, change.after.audio} - {None}
        if len(digests) > 1 or change.before.hints != change.after.hints:
            problem = f"{change.before.uri} is not the same work in both reports"
            raise UsageError(problem, hint="measure one of them anew")
    return Comparison(changes=changes, differences=tuple(_differences(before, after)))


def _changes(before: BenchmarkReport, after: BenchmarkReport) -> Iterator[Change]:
    known = {
        (series.engine, series.device, measured.uri): measured
        for series in before.series
        for measured in series.measurements
    }
    for series in after.series:
        for measured in series.measurements:
            was = known.get((series.engine, series.device, measured.uri))
            if was:
                yield Change(engine=series.engine, device=series.device, before=was, after=measured)


def _differences(before: BenchmarkReport, after: BenchmarkReport) -> Iterator[str]:
    """Say what is unlike, of what both reports know."""
    was, now = _checked(before.environment), _checked(after.environment)
    was["cache"], now["cache"] = before.cache, after.cache
    for name in was.keys() & now.keys():
        if was[name] != now[name]:
            yield f"{name}: {was[name]}, then {now[name]}"


def _checked(environment: Environment) -> dict[str, str]:
    found = {name: getattr(environment, name) for name in _CHECKED}
    if environment.gpu:
        found |= {"GPU": environment.gpu.name, "driver": environment.gpu.driver}
    found |= {name: version for name, version in environment.packages.items() if name != _OURSELVES}
    return {name: str(value) for name, value in found.items() if value is not None}
