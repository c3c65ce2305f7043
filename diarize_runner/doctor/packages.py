"""The Python environment, against the locks it was made from."""

import importlib.metadata
import re
from pathlib import Path

from diarize_runner.doctor.check import PROVISION, Drift
from diarize_runner.errors import DiarizeRunnerError

_LOCKS = ("requirements.txt", "installer.txt")
"""Where the role python_env leaves them, in the environment's folder."""
_NEEDED = ("torch", "torchaudio", "pyannote-audio", "av")
_UNPINNED = frozenset({"pip", "setuptools", "diarize-runner"})
"""What `python -m venv` brings, and the toolkit, which is installed from its own wheel."""
_MOST = 5


def look_at_packages(environment: Path) -> str:
    """Compare what is installed with the locks in `environment`.

    Raises:
        Drift: a package is another version than the lock's, or is in no lock.
        DiarizeRunnerError: a package is missing.
    """
    installed, pinned = _installed(), _pinned(environment)
    if missing := sorted((pinned.keys() or set(_NEEDED)) - installed.keys()):
        raise DiarizeRunnerError(f"not installed: {_some(missing)}", hint=PROVISION)
    named = ", ".join(f"{name} {installed[name]}" for name in _NEEDED)
    if not pinned:
        return f"{named}; no lock lies in {environment} to compare with"
    changed = [
        f"{name} {installed[name]} (locked: {version})"
        for name, version in pinned.items()
        if installed[name] != version
    ]
    if odd := changed + sorted(installed.keys() - pinned.keys() - _UNPINNED):
        raise Drift(f"not as locked: {_some(odd)}", hint=PROVISION)
    return f"{named}; all {len(pinned)} as locked"


def _installed() -> dict[str, str]:
    return {_canonical(each.metadata["Name"]): each.version for each in importlib.metadata.distributions()}


def _pinned(environment: Path) -> dict[str, str]:
    """Return the versions that the locks pin for this Python and machine, by canonical name."""
    from packaging.requirements import Requirement

    found = [environment / name for name in _LOCKS if (environment / name).is_file()]
    lines = [line for path in found for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    here = [each for each in wanted if not each.marker or each.marker.evaluate()]
    return {_canonical(each.name): next(iter(each.specifier)).version for each in here}


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _some(names: list[str]) -> str:
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
