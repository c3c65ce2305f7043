"""Parse pinned requirements files, and select the wheels that pip would install for a given Python.

The files are those of pip-compile and scripts/merge_locks.py: `name==version ; marker --hash=sha256:...`.
Results do not depend on the running Python: a build host selects wheels for boxes with other Pythons.
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

_MAX_GLIBC_MINOR = 28
"""glibc 2.28, which torch requires. Every supported system has this or a newer one."""
_LEGACY_PLATFORMS = {17: "manylinux2014_x86_64", 12: "manylinux2010_x86_64", 5: "manylinux1_x86_64"}
"""Platform tags from before PEP 600, by glibc minor version."""

Release = tuple[NormalizedName, Version]
"""A version of a package."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A pinned version of a package, and the digests allowed for its files."""

    name: str
    version: str
    marker: Marker | None
    """The environments that need it; None means all."""
    digests: frozenset[Digest]

    @property
    def release(self) -> Release:
        """The normalised name and version."""
        return canonicalize_name(self.name), Version(self.version)

    @property
    def line(self) -> str:
        """The pin as a line for pip, without its marker."""
        hashes = sorted(f"--hash={digest}" for digest in self.digests)
        return " ".join([f"{self.name}=={self.version}", *hashes])


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """The parsed file name of a wheel."""

    release: Release
    build: BuildTag
    tags: frozenset[Tag]

    @classmethod
    def parse(cls, name: str) -> "WheelName":
        """Parse `name`; raise ManifestError when it is not the file name of a wheel."""
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

    def requires(self, pin: Pin) -> bool:
        """Whether the target needs the pin."""
        return pin.marker is None or pin.marker.evaluate(self._environment())

    def best_wheel(self, pin: Pin, names: Iterable[str]) -> str | None:
        """Return the wheel of `names` that pip would install for `pin`; None when none is compatible."""
        preference = {tag: -rank for rank, tag in enumerate(self._tags())}
        ranked: list[tuple[int, BuildTag, str]] = []
        for name in names:
            wheel = WheelName.parse(name)
            if wheel.release == pin.release and (compatible := wheel.tags & preference.keys()):
                ranked.append((max(preference[tag] for tag in compatible), wheel.build, name))
        return max(ranked)[-1] if ranked else None

    def pip_options(self) -> list[str]:
        """Return pip options that select wheels for this target."""
        platforms = [f"--platform={platform}" for platform in _platforms()]
        return [f"--python-version={self.python}", "--implementation=cp", f"--abi={self._interpreter}", *platforms]

    @property
    def _interpreter(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    def _tags(self) -> list[Tag]:
        """Return the supported tags, most specific first."""
        version, abi, platforms = [int(part) for part in self.python.split(".")], self._interpreter, _platforms()
        return [*cpython_tags(version, [abi], platforms), *compatible_tags(version, abi, platforms)]

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
    """Parse a requirements file, which errors call `document`; raise ManifestError on a line without a pin."""
    lines = [line.partition("#")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return tuple(_pin(line, document) for line in lines if line)


def _pin(line: str, document: str) -> Pin:
    pinned, *hashes = re.split(r"\s+--hash=", line)
    try:
        requirement = Requirement(pinned)
        version = _exact_version(requirement)
        digests = frozenset(Digest.parse(text.strip()) for text in hashes)
    except ValueError as reason:
        hint = "write it with pip-compile --generate-hashes: name==version --hash=sha256:..."
        raise ManifestError(f"{document}: {pinned!r} is not a pinned requirement", hint=hint) from reason
    return Pin(name=requirement.name, version=version, marker=requirement.marker, digests=digests)


def _exact_version(requirement: Requirement) -> str:
    """Return the version that a requirement pins with `==`; raise ValueError when there is none."""
    (specifier,) = requirement.specifier
    if specifier.operator != "==" or specifier.version.endswith("*"):
        raise ValueError(str(requirement))
    return specifier.version


def _platforms() -> list[str]:
    """Return the compatible platform tags, newest first, in the order of `packaging.tags`."""
    manylinux = [
        name
        for glibc in range(_MAX_GLIBC_MINOR, min(_LEGACY_PLATFORMS) - 1, -1)
        for name in (f"manylinux_2_{glibc}_x86_64", _LEGACY_PLATFORMS.get(glibc))
        if name
    ]
    return [*manylinux, "linux_x86_64"]
