"""Compare two reports, recording by recording: how much longer the second takes.

Times from different machines cannot show a change in the software, so a comparison lists the differences between the
two environments. Versions of diarize-runner may differ: they are what is compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Measurement
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.errors import UsageError

_CHECKED = ("cpu", "cpu_count", "threads", "instance", "python")
_OWN_PACKAGE = "diarize-runner"


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
        """The lowest and the highest ratio of any two calls."""
        before, after = self.before.processing_seconds, self.after.processing_seconds
        return min(after) / max(before), max(after) / min(before)

    @property
    def same_output(self) -> bool | None:
        """Whether both wrote the same RTTM; None if a report lacks its digest."""
        digests = (self.before.rttm, self.after.rttm)
        return None if None in digests else digests[0] == digests[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Every recording that is in both reports."""

    changes: tuple[Change, ...]
    differences: tuple[str, ...]
    """Between the two environments."""

    @property
    def ratio(self) -> float:
        """The sum of the medians after / that before."""
        after = sum(change.after.median_seconds for change in self.changes)
        return after / sum(change.before.median_seconds for change in self.changes)


def compare(before: BenchmarkReport, after: BenchmarkReport) -> Comparison:
    """Compare two reports.

    Raises:
        UsageError: no recording is in both, or two with the same name differ in audio or speaker hints.
    """
    changes = tuple(_changes(before, after))
    if not changes:
        hint = "measure the same engine on the same device with the same recording in both"
        raise UsageError("the reports share no measurement", hint=hint)
    for change in changes:
        digests = {change.before.audio, change.after.audio} - {None}
        if len(digests) > 1 or change.before.hints != change.after.hints:
            problem = f"{change.before.uri} has different audio or speaker hints in the two reports"
            raise UsageError(problem, hint="measure one of them again")
    return Comparison(changes=changes, differences=tuple(_differences(before, after)))


def _changes(before: BenchmarkReport, after: BenchmarkReport) -> Iterator[Change]:
    earlier = {
        (series.engine, series.device, measured.uri): measured
        for series in before.series
        for measured in series.measurements
    }
    for series in after.series:
        for measured in series.measurements:
            match = earlier.get((series.engine, series.device, measured.uri))
            if match:
                yield Change(engine=series.engine, device=series.device, before=match, after=measured)


def _differences(before: BenchmarkReport, after: BenchmarkReport) -> Iterator[str]:
    """Yield each difference in a property that both reports have."""
    old, new = _properties(before.environment), _properties(after.environment)
    old["cache"], new["cache"] = before.cache, after.cache
    for name in old.keys() & new.keys():
        if old[name] != new[name]:
            yield f"{name}: {old[name]}, then {new[name]}"


def _properties(environment: Environment) -> dict[str, str]:
    properties = {name: getattr(environment, name) for name in _CHECKED}
    if environment.gpu:
        properties |= {"GPU": environment.gpu.name, "driver": environment.gpu.driver}
    properties |= {name: version for name, version in environment.packages.items() if name != _OWN_PACKAGE}
    return {name: str(value) for name, value in properties.items() if value is not None}
