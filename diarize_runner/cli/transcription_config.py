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
    sections = Node(value=_load(path), document=str(path)).entries()
    transcribe, providers = _entries(sections.get("transcribe")), _entries(sections.get("providers"))
    settings = {}
    if _PROVIDER in providers:
        settings = providers[_PROVIDER].fields([], optional=[*_USED, *_UNUSED])
    given = {name: node for name, node in settings.items() if name in _USED and node.value is not None}
    if "model" in transcribe:
        given["model"] = transcribe["model"]
    return {name: _value(name, node) for name, node in given.items()}


def _entries(node: Node | None) -> dict[str, Node]:
    return node.entries() if node else {}


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
        raise ManifestError(f"{path}: not a valid config.yaml: {reason}", hint=_HINT) from reason
