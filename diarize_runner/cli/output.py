"""What a command says, and how it is printed.

rich is imported when there is something to draw: it takes as long to import as a small restore takes.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.controls import escaped, escaped_in_json
from diarize_runner.errors import DiarizeRunnerError, DiskError

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of a command."""

    document: Mapping[str, object]
    """For programs: what `--json` prints."""
    text: "str | tuple[str, ...] | Table"
    """For people: a line, or lines."""
    data: str = ""
    """For pipes: what goes to stdout without `--json`."""
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


def _draw(table: "Table") -> None:
    from diarize_runner.cli.terminal import PlainConsole

    PlainConsole(None).print(table)


def write_lines(*lines: str) -> None:
    """Write lines for people: one each, whatever names are in them."""
    sys.stderr.write("".join(f"{escaped(line)}\n" for line in lines))


def print_error(error: DiarizeRunnerError, *, as_json: bool) -> int:
    """Print what is wrong, then what to do, for people and (`as_json`) for programs; return the exit code."""
    write_lines(f"error: {error.message}", *([f"hint: {error.hint}"] if error.hint else []))
    if as_json:
        _print_document({"error": error.message, "hint": error.hint, "exit_code": error.exit_code})
    return error.exit_code


def _print_document(document: Mapping[str, object]) -> None:
    write_stdout(escaped_in_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def write_stdout(data: str) -> None:
    """Write for programs and pipes; raise DiskError where nobody reads any more, or where it goes is full."""
    try:
        sys.stdout.write(data)
        sys.stdout.flush()
    except OSError as reason:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would try the rest again as it ends
        raise DiskError(f"stdout cannot be written to: {reason.strerror}") from reason


def data_writer(*, as_json: bool) -> Callable[[str], None]:
    """Return what writes data for pipes: nothing does with `--json`, which prints a document of its own."""
    return _write_nothing if as_json else write_stdout


def _write_nothing(_data: str) -> None:
    pass


def not_installed(reason: ModuleNotFoundError) -> DiarizeRunnerError:
    """Return what to say when a command needs more than this environment was made with."""
    hint = "make setup installs what a build host needs, a box has what it takes to diarize, make setup-dev has all"
    return DiarizeRunnerError(f"{reason.name} is not installed here", hint=hint)


def megabytes(size: float) -> str:
    """Return bytes as people read them."""
    return f"{size / 1e6:,.1f} MB"
