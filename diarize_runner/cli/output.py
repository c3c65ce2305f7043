"""The result of a command, and how it is printed.

rich is imported only to draw: the import takes as long as a small restore.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.control_characters import escape_controls, escape_controls_in_json
from diarize_runner.errors import DiarizeRunnerError, DiskError

if TYPE_CHECKING:
    from rich.console import RenderableType

_EXTRAS = {
    "boto3": "s3",
    "botocore": "s3",
    "cyclonedx": "build",
    "fastapi": "service",
    "faster_whisper": "transcription",
    "flit_core": "build",
    "huggingface_hub": "build",
    "limits": "service",
    "prometheus_client": "service",
    "ray": "ray",
    "sqlalchemy": "service",
    "starlette": "service",
    "uvicorn": "service",
}
"""The extra of pyproject.toml that installs a package; all others come with `diarization`."""
_STYLES = {"error": "bold red", "hint": "cyan"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The result of a command."""

    document: Mapping[str, object]
    """For programs: `--json` prints it."""
    text: "str | tuple[str, ...] | RenderableType"
    """For people: one line, several lines, or something that rich draws."""
    data: str = ""
    """For pipes: printed to stdout without `--json`."""
    exit_code: int = 0


def print_result(result: Result, *, as_json: bool) -> None:
    """Print the document, or the text and the data."""
    if as_json:
        _print_document(result.document)
        return
    if isinstance(result.text, str):
        write_lines(result.text)
    elif isinstance(result.text, tuple):
        write_lines(*result.text)
    else:
        _draw(result.text)
    write_stdout(result.data)


def _draw(renderable: "RenderableType") -> None:
    from diarize_runner.cli.terminal import PlainConsole

    PlainConsole(None).print(renderable)


def write_lines(*lines: str) -> None:
    """Write each line to stderr, with control characters escaped."""
    sys.stderr.write("".join(f"{escape_controls(line)}\n" for line in lines))


def print_error(error: DiarizeRunnerError, *, as_json: bool) -> int:
    """Print the error and its hint, also as JSON if `as_json`; return the exit code."""
    write_error(error)
    if as_json:
        _print_document({"error": error.message, "hint": error.hint, "exit_code": error.exit_code})
    return error.exit_code


def write_error(error: DiarizeRunnerError) -> None:
    """Write the error and its hint to stderr, one line each: in colour on a terminal, unless NO_COLOR is set."""
    labelled = [("error", error.message), *([("hint", error.hint)] if error.hint else [])]
    if not sys.stderr.isatty():
        write_lines(*(f"{label}: {text}" for label, text in labelled))
        return
    from rich.text import Text

    for label, text in labelled:
        _draw(Text.assemble((f"{label}:", _STYLES[label]), f" {escape_controls(text)}"))


def _print_document(document: Mapping[str, object]) -> None:
    write_stdout(escape_controls_in_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def write_stdout(data: str) -> None:
    """Write data to stdout; raise DiskError when its reader is gone or the disk is full."""
    try:
        sys.stdout.write(data)
        sys.stdout.flush()
    except OSError as reason:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # at exit, Python would write the rest again
        raise DiskError(f"stdout cannot be written to: {reason.strerror}") from reason


def data_writer(*, as_json: bool) -> Callable[[str], None]:
    """Return the function that writes data to stdout; with `--json` it drops data, since stdout gets one document."""
    return _drop if as_json else write_stdout


def _drop(_data: str) -> None:
    pass


def not_installed(reason: ModuleNotFoundError) -> DiarizeRunnerError:
    """Return the error of a command that needs a package which this environment lacks."""
    package = (reason.name or "").partition(".")[0]
    extra = _EXTRAS.get(package, "diarization")
    hint = f"in a clone, run: pip install '.[{extra}]', or make setup-dev for everything"
    return DiarizeRunnerError(f"{package} is not installed here", hint=hint)


def megabytes(size: float) -> str:
    """Format a number of bytes."""
    return f"{size / 1e6:,.1f} MB"
