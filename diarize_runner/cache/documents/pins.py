"""Pinned requirements: what a file of them says, and which wheels of what it pins a Python takes.

The files are those that pip-compile and scripts/merge_locks.py write: `name==version ; marker --hash=sha256:...`.
Nothing of the machine that asks comes into the answers: a build host answers for boxes that have another Python.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import BuildTag, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError

_NEWEST_GLIBC = 28
"""glibc 2.28, which torch asks for. Every system that a box may run has a newer one."""
_LEGACY = {17: "manylinux2014_x86_64", 12: "manylinux2010_x86_64", 5: "manylinux1_x86_64"}
"""What platforms were called before PEP 600, by glibc."""

Release = tuple[NormalizedName, Version]
"""A version of a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One version of one package, and the digests that its files may have."""

    name: str
    version: str
    marker: Marker | None
    """Where it is wanted; None means everywhere."""
    digests: frozenset[Digest]

    @property
    def release(self) -> Release:
        """What is pinned."""
        return canonicalize_name(self.name), Version(self.version)

    @property
    def line(self) -> str:
        """The pin for pip, wherever it is wanted."""
        hashes = sorted(f"--hash={digest}" for digest in self.digests)
        return " ".join([f"{self.name}=={self.version}", *hashes])


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """What the file name of a wheel says."""

    release: Release
    build: BuildTag
    tags: frozenset[Tag]

    @classmethod
    def parse(cls, name: str) -> "WheelName":
        """Raise ManifestError when it is no file name of a wheel."""
        try:
            package, version, build, tags = parse_wheel_filename(name)
        except ValueError as reason:
            raise ManifestError(f"{name!r} is not the file name of a wheel", hint=str(reason)) from reason
        return cls(release=(package, version), build=build, tags=tags)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A CPython on Linux x86-64."""

    python: str
    """Such as `3.11`."""

    def wants(self, pin: Pin) -> bool:
        """Whether a pin is to be installed there."""
        return pin.marker is None or pin.marker.evaluate(self._environment())

    def best(self, pin: Pin, names: Iterable[str]) -> str | None:
        """Return which of the wheels called `names` pip would install there for `pin`; None where none of them fits."""
        preference = {tag: -place for place, tag in enumerate(self._tags())}
        ranked: list[tuple[int, BuildTag, str]] = []
        for name in names:
            wheel = WheelName.parse(name)
            if wheel.release == pin.release and (fitting := wheel.tags & preference.keys()):
                ranked.append((max(preference[tag] for tag in fitting), wheel.build, name))
        return max(ranked)[-1] if ranked else None

    def pip_options(self) -> list[str]:
        """Return what makes pip choose as a pip there would."""
        platforms = [f"--platform={platform}" for platform in _platforms()]
        return [f"--python-version={self.python}", "--implementation=cp", f"--abi={self._interpreter}", *platforms]

    @property
    def _interpreter(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    def _tags(self) -> list[Tag]:
        """Return what wheels may be tagged with, the best first."""
        version, own, platforms = [int(part) for part in self.python.split(".")], self._interpreter, _platforms()
        return [*cpython_tags(version, [own], platforms), *compatible_tags(version, own, platforms)]

    def _environment(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def read_pins(text: str, document: str) -> tuple[Pin, ...]:
    """Read a requirements file that errors call `document`; raise ManifestError when a line of it pins nothing."""
    lines = [line.partition("#")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return tuple(_pin(line, document) for line in lines if line)


def _pin(line: str, document: str) -> Pin:
    pinned, *hashes = re.split(r"\s+--hash=", line)
    try:
        requirement = Requirement(pinned)
        version = _exact(requirement)
        digests = frozenset(Digest.parse(text.strip()) for text in hashes)
    except ValueError as reason:
        hint = "write it with pip-compile --generate-hashes: name==version --hash=sha256:..."
        raise ManifestError(f"{document}: {pinned!r} is not a pinned requirement", hint=hint) from reason
    return Pin(name=requirement.name, version=version, marker=requirement.marker, digests=digests)


def _exact(requirement: Requirement) -> str:
    """Return the one version that a requirement takes; raise ValueError when it takes others too."""
    (specifier,) = requirement.specifier
    if specifier.operator != "==" or specifier.version.endswith("*"):
        raise ValueError(str(requirement))
    return specifier.version


def _platforms() -> list[str]:
    """Return the platforms a wheel may be for, the newest first, as `packaging.tags` lists those of a machine."""
    found = [
        name
        for glibc in range(_NEWEST_GLIBC, min(_LEGACY) - 1, -1)
        for name in (f"manylinux_2_{glibc}_x86_64", _LEGACY.get(glibc))
        if name
    ]
    return [*found, "linux_x86_64"]
