"""Read the `config.yaml` of Amanu's provider of whisperX, as the defaults of transcription options.

    transcribe: {provider: whisperx, model: large-v2}
    providers:
      whisperx: {device: cuda, compute_type: float16, batch_size: 16, language: Russian}

Keys that have no use here are accepted: nothing needs a token or another Python. Other sections are not read.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from diarize_runner.bounds import OutOfBounds, read_file
from diarize_runner.cache.documents.canonical import YAML_ERRORS
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.engines import DEVICES
from diarize_runner.errors import ManifestError
from diarize_runner.transcription.options import COMPUTE_TYPES

_USED: Final = ("device", "compute_type", "batch_size", "language")
_UNUSED: Final = ("python_executable", "enable_diarization", "hf_token", "models")
_PROVIDER: Final = "whisperx"
_HINT: Final = "see the example in docs/command.md"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add --config."""
    described = "a config.yaml of Amanu's provider of whisperX, with defaults for these options"
    parser.add_argument("--config", type=Path, metavar="FILE", help=described)


def apply_config(arguments: argparse.Namespace) -> None:
    """Set each option that the command line does not give, and the file does.

    Raises:
        ManifestError: the file cannot be read, or a value is wrong.
    """
    if not arguments.config:
        return
    for name, value in _read(arguments.config).items():
        if getattr(arguments, name) in (None, "auto"):
            setattr(arguments, name, value)


def _read(path: Path) -> Mapping[str, object]:
    try:
        return _settings(Node(value=_load(path), document=str(path)))
    except ManifestError as reason:
        raise ManifestError(reason.message, hint=reason.hint or _HINT) from reason


def _settings(document: Node) -> Mapping[str, object]:
    sections = _entries(document)
    transcribe, providers = _entries(sections.get("transcribe")), _entries(sections.get("providers"))
    settings = {}
    if provider := _given(providers.get(_PROVIDER)):
        settings = provider.fields([], optional=[*_USED, *_UNUSED])
    used = {name: _given(settings.get(name)) for name in _USED} | {"model": _given(transcribe.get("model"))}
    return {name: _value(name, node) for name, node in used.items() if node}


def _given(node: Node | None) -> Node | None:
    """Return None for null, too, which stands for the default."""
    return node if node and node.value is not None else None


def _entries(node: Node | None) -> dict[str, Node]:
    return node.entries() if (node := _given(node)) else {}


def _value(name: str, node: Node) -> object:
    if name == "batch_size":
        return node.count()
    choices = {"device": DEVICES, "compute_type": COMPUTE_TYPES}.get(name)
    if choices and node.text() not in choices:
        raise node.error(f"{node.value!r} is not one of {', '.join(choices)}")
    return node.text()


def _load(path: Path) -> object:
    try:
        return yaml.safe_load(read_file(path))
    except OSError as reason:
        raise ManifestError(f"cannot read {path}: {reason.strerror}", hint="check the path") from reason
    except (OutOfBounds, *YAML_ERRORS) as reason:
        raise ManifestError(f"{path}: not a valid config.yaml{_place(reason)}", hint=_HINT) from None


def _place(reason: Exception) -> str:
    """Return the line of an error, and nothing that stands there: it can be a token."""
    if not isinstance(reason, yaml.MarkedYAMLError) or not reason.problem_mark:
        return ""
    return f": line {reason.problem_mark.line + 1}: {reason.problem}"
