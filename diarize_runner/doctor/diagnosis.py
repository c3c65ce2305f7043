"""All checks, in the order of their dependencies."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.doctor.cache import check_cache
from diarize_runner.doctor.check import Check, State, run_check
from diarize_runner.doctor.device import check_device
from diarize_runner.doctor.host import check_disk, check_offline_guard, check_tokens
from diarize_runner.doctor.images import MountedImage, check_images
from diarize_runner.doctor.packages import check_packages
from diarize_runner.doctor.transcription import check_transcription, require_model
from diarize_runner.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """The results of all checks."""

    checks: tuple[Check, ...]

    @property
    def state(self) -> State:
        """Return the worst state of any check."""
        return max(check.state for check in self.checks)

    def with_check(self, check: Check) -> "Diagnosis":
        """Return the diagnosis with `check` added."""
        return Diagnosis(checks=(*self.checks, check))

    def to_dict(self) -> dict[str, object]:
        """Return the diagnosis as `doctor --json` prints it."""
        checks = [check.to_dict() for check in self.checks]
        return {"ok": self.state is State.GOOD, "state": self.state.name.lower(), "checks": checks}


def examine(
    cache: Path,
    device: str,
    progress: Progress,
    require_image: Callable[[MountedImage], None] = MountedImage.require_content,
) -> Diagnosis:
    """Run all checks but the sample; takes seconds, and loads no model. `require_image` checks each mounted image."""

    def describe_cache() -> str:
        manifest = check_cache(cache, progress).manifest
        return f"{manifest.name} {manifest.version}, every file matches the manifest"

    return Diagnosis(
        checks=(
            run_check("packages", lambda: check_packages(Path(sys.prefix))),
            run_check("images", lambda: check_images(Path(sys.prefix), require_image)),
            run_check("cache", describe_cache),
            run_check("token", lambda: check_tokens(cache)),
            run_check("disk", lambda: check_disk(cache)),
            run_check("offline guard", check_offline_guard),
            run_check("device", lambda: check_device(device)),
            run_check("transcription", lambda: check_transcription(cache, device)),
        )
    )


def check_transcription_model(cache: Path) -> Check:
    """Require a transcription model in the cache."""
    return run_check("transcription model", lambda: require_model(cache))


def check_sample(cache: Path, device: str, progress: Progress) -> Check:
    """Diarize the sample, and transcribe it if the cache has a model; takes a minute without a GPU."""
    from diarize_runner.doctor.sample import run_sample

    return run_check("sample", lambda: run_sample(check_cache(cache, progress), device, progress))
