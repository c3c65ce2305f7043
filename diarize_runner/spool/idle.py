"""What a run does without recordings: it waits some time with its models loaded, unless others are installed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkTargets:
    """Paths, and where their links led when they were read."""

    targets: tuple[tuple[Path, Path], ...] = ()
    """Absolute paths, each with its target."""

    @classmethod
    def read(cls, *paths: Path) -> "LinkTargets":
        """Follow the links on each path; one that does not exist is its own target."""
        return cls(targets=tuple((path, path.resolve()) for path in map(Path.absolute, paths)))

    def have_moved(self) -> bool:
        """Whether any path leads elsewhere now."""
        return any(path.resolve() != target for path, target in self.targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class IdlePolicy:
    """How long a run waits for the next recording, and which links end the run when they move."""

    seconds: float = 0.0
    """Since the end of the last recording."""
    installed: LinkTargets = LinkTargets()
    """The models and the release that the run has loaded: the next run loads the new ones."""


NO_WAIT = IdlePolicy()
"""Ends the run with the last recording in the inbox."""
