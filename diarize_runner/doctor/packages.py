"""Check the installed packages against the lock files."""

import importlib.metadata
import re
from pathlib import Path

from diarize_runner.doctor.check import PROVISION, Drift
from diarize_runner.errors import DiarizeRunnerError

_LOCKS = ("requirements.txt", "installer.txt")
"""The role python_env writes them to the environment's folder."""
_REQUIRED = ("torch", "torchaudio", "pyannote-audio", "av")
_UNPINNED = frozenset({"pip", "setuptools", "diarize-runner"})
"""The packages of `python -m venv`, and the toolkit, which is installed from its own wheel."""
_MAX_LISTED = 5


def check_packages(environment: Path) -> str:
    """Compare the installed packages with the locks in `environment`.

    Raises:
        Drift: a package has another version than the lock, or is in no lock.
        DiarizeRunnerError: a package is missing.
    """
    installed, pinned = _installed(), _pinned(environment)
    if missing := sorted((pinned.keys() or set(_REQUIRED)) - installed.keys()):
        raise DiarizeRunnerError(f"not installed: {_shortened(missing)}", hint=PROVISION)
    versions = ", ".join(f"{name} {installed[name]}" for name in _REQUIRED)
    if not pinned:
        return f"{versions}; no lock file in {environment} to compare with"
    changed = [
        f"{name} {installed[name]} (locked: {version})"
        for name, version in pinned.items()
        if installed[name] != version
    ]
    unlocked = [f"{name} (not locked)" for name in sorted(installed.keys() - pinned.keys() - _UNPINNED)]
    if differing := changed + unlocked:
        raise Drift(f"packages differ from the lock: {_shortened(differing)}", hint=PROVISION)
    return f"{versions}; all {len(pinned)} packages match the lock"


def _installed() -> dict[str, str]:
    return {_canonical(each.metadata["Name"]): each.version for each in importlib.metadata.distributions()}


def _pinned(environment: Path) -> dict[str, str]:
    """Return the versions that the locks pin for this Python and machine, by canonical name."""
    from packaging.requirements import Requirement

    locks = [environment / name for name in _LOCKS if (environment / name).is_file()]
    lines = [line for path in locks for line in path.read_text(encoding="utf-8").splitlines()]
    requirements = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    applicable = [each for each in requirements if not each.marker or each.marker.evaluate()]
    return {_canonical(each.name): next(iter(each.specifier)).version for each in applicable}


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _shortened(names: list[str]) -> str:
    more = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
