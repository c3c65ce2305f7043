"""`diarize-runner doctor`: is this box fit to diarize? Every check that fails says what to run."""

import argparse
import importlib.metadata
import os
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from diarize_runner.cache import layout
from diarize_runner.cache.box import find_cache
from diarize_runner.cli.options import Commands, add_cache_option, add_command, verified_cache
from diarize_runner.cli.output import Result
from diarize_runner.diarization.guard import offline
from diarize_runner.errors import DiarizeRunnerError, OfflineViolation
from diarize_runner.progress import Progress

_REFRESH = "run playbooks/provision.yml on this box again"
_LOOPBACK_DISCARD = ("127.0.0.1", 9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    add_cache_option(
        add_command(commands, "doctor", run, "check packages, cache, offline guard and device of this box")
    )


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Look at everything, whatever is found first."""
    checks = [
        _checked("packages", _packages),
        _checked("cache", lambda: _cache(arguments.cache, progress)),
        _checked("token", lambda: _token(arguments.cache)),
        _checked("offline guard", _offline_guard),
        _checked("device", _device),
    ]
    ok = all(check.ok for check in checks)
    lines = [f"{'good' if check.ok else 'BAD '}  {check.name}: {check.detail}" + _hint(check) for check in checks]
    document: dict[str, object] = {"ok": ok, "checks": [asdict(check) for check in checks]}
    return Result(document=document, text="\n".join(lines), exit_code=0 if ok else 1)


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=look())
    except DiarizeRunnerError as error:
        return Check(name=name, ok=False, detail=error.message, hint=error.hint or _REFRESH)


def _hint(check: Check) -> str:
    return f"\n      hint: {check.hint}" if check.hint else ""


def _packages() -> str:
    try:
        versions = {name: importlib.metadata.version(name) for name in ("torch", "torchaudio", "pyannote.audio", "av")}
    except importlib.metadata.PackageNotFoundError as reason:
        raise DiarizeRunnerError(f"{reason.name} is not installed", hint=_REFRESH) from reason
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _cache(folder: Path, progress: Progress) -> str:
    manifest = verified_cache(folder, progress).manifest
    return f"{manifest.name} {manifest.version}, every byte as published"


def _token(folder: Path) -> str:
    set_here = [name for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") if os.environ.get(name)]
    homes = (find_cache(folder) / layout.HF_HOME, Path.home() / ".cache" / layout.HF_HOME)
    stored = [str(home / name) for home in homes for name in ("token", "stored_tokens") if (home / name).exists()]
    if found := set_here + stored:
        raise DiarizeRunnerError(
            f"a token is on this box: {', '.join(found)}", hint="unset or delete it; none is needed"
        )
    return "none here, none needed"


def _offline_guard() -> str:
    try:
        with offline(), socket.socket() as attempt:
            attempt.connect(_LOOPBACK_DISCARD)
    except OfflineViolation:
        return "a connection attempt was refused"
    except OSError as reason:
        raise DiarizeRunnerError(f"a connection attempt got as far as: {reason}") from reason
    raise DiarizeRunnerError("a connection was made while offline")


def _device() -> str:
    try:
        import torch
    except ImportError as reason:
        raise DiarizeRunnerError(f"torch cannot be imported: {reason}", hint=_REFRESH) from reason
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu (torch finds no CUDA device)"
