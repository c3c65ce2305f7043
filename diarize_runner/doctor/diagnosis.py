"""Everything looked at, in the order in which one thing needs another."""

import sys
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.doctor.cache import look_at_cache
from diarize_runner.doctor.check import Check, State, checked
from diarize_runner.doctor.device import look_at_device
from diarize_runner.doctor.host import look_at_disk, look_at_guard, look_for_tokens
from diarize_runner.doctor.packages import look_at_packages
from diarize_runner.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What was found."""

    checks: tuple[Check, ...]

    @property
    def state(self) -> State:
        """That of the worst check."""
        return max(check.state for check in self.checks)

    def having(self, check: Check) -> "Diagnosis":
        """Return the same with another check."""
        return Diagnosis(checks=(*self.checks, check))

    def to_dict(self) -> dict[str, object]:
        """Return the diagnosis as `doctor --json` prints it."""
        checks = [check.to_dict() for check in self.checks]
        return {"ok": self.state is State.GOOD, "state": self.state.name.lower(), "checks": checks}


def examine(cache: Path, device: str, progress: Progress) -> Diagnosis:
    """Look at everything but the sample: seconds, and nothing is loaded onto the device."""

    def cache_said() -> str:
        manifest = look_at_cache(cache, progress).manifest
        return f"{manifest.name} {manifest.version}, every byte as published"

    return Diagnosis(
        checks=(
            checked("packages", lambda: look_at_packages(Path(sys.prefix))),
            checked("cache", cache_said),
            checked("token", lambda: look_for_tokens(cache)),
            checked("disk", lambda: look_at_disk(cache)),
            checked("offline guard", look_at_guard),
            checked("device", lambda: look_at_device(device)),
        )
    )


def check_sample(cache: Path, device: str, progress: Progress) -> Check:
    """Diarize the sample too: a minute without a GPU."""
    from diarize_runner.doctor.sample import diarize_sample

    return checked("sample", lambda: diarize_sample(look_at_cache(cache, progress), device, progress))
