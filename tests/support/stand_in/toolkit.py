"""The wheels of the stand-in toolkit: its own, and its dependencies."""

import importlib.metadata
import importlib.util
import sys
import zipfile
from pathlib import Path

from support.wheels import write_wheel

_PACKAGE = Path(__file__).resolve().parents[3] / "diarize_runner"
_COMMAND = Path(__file__).with_name("command.py")
_SERVICE = Path(__file__).with_name("service.py")
_SAMPLE = "pyannote/audio/sample/sample.wav"
FIRST = ("uv", "packaging", "pyyaml", "cryptography")
"""Packages of the installer requirements."""
BOTH = ("pyyaml", "cryptography")
"""Packages of both requirements."""


def write_wheels(folder, release, modules=None):
    """Write the wheels of a release of `modules`, by default this one; return their contents by name."""
    modules = modules or _modules(_PACKAGE)
    command = {"diarize_runner-0.1.0.data/scripts/diarize-runner": _COMMAND.read_bytes()}
    service = {"stand_in_service.py": _SERVICE.read_bytes(), _SAMPLE: b"RIFF"}
    uv = {"uv-1.0.data/scripts/uv": Path(sys.executable).with_name("uv").read_bytes()}
    wheels = [
        write_wheel(folder, "diarize_runner", "0.1.0", {**modules, **command, **service, "release": release.encode()}),
        write_wheel(folder, "cryptography", *_cryptography()),
        write_wheel(folder, "packaging", *_installed("packaging", "packaging")),
        write_wheel(folder, "pyyaml", *_installed("pyyaml", "yaml")),
        write_wheel(folder, "uv", "1.0", uv),
    ]
    return {wheel.name: wheel.read_bytes() for wheel in wheels}


def modules_of(wheel):
    """Return the modules in the wheel of an earlier release."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}


def _installed(name, package):
    """Return the installed version, and its modules."""
    distribution = importlib.metadata.distribution(name)
    return distribution.version, _modules(Path(distribution.locate_file(package)))


def _cryptography():
    """Return the installed version, and its modules with those of cffi; they only work with the tests' Python."""
    version, modules = _installed("cryptography", "cryptography")
    cffi = Path(importlib.util.find_spec("_cffi_backend").origin)
    folder = cffi.parent
    compiled = [cffi, *folder.glob("cryptography/hazmat/bindings/*.so")]
    return version, {**modules, **{str(path.relative_to(folder)): path.read_bytes() for path in compiled}}


def _modules(package):
    return {str(path.relative_to(package.parent)): path.read_bytes() for path in package.rglob("*.py")}
