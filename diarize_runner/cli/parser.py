"""Parse the command line; explain what is wrong with it, and name the option or command that comes nearest."""

import argparse
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from diarize_runner.errors import UsageError


def is_alias(option: str) -> bool:
    """Whether an option is the alias with underscores, such as `--num_speakers`, that other tools' scripts use."""
    return option.startswith("--") and "_" in option


class Parser(argparse.ArgumentParser):
    """Accepts whole option names only, and raises UsageError instead of exiting."""

    def __init__(self, *, example: str = "", **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)
        self._example = example

    def format_help(self) -> str:
        """Return the help text, with the example at its end."""
        text = super().format_help()
        return f"{text}\nexample:\n  {self.prog.split()[0]} {self._example}\n" if self._example else text

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Report unknown options here: the parent parser's help does not list this command's options."""
        self._require_command_first(args or ())
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            message = f"unrecognized arguments: {' '.join(unknown)}"
            raise UsageError(message, hint=self._hint(unknown[0].partition("=")[0], self._option_string_actions))
        return found, unknown

    def _require_command_first(self, words: Sequence[str]) -> None:
        """Refuse a command's option in front of it: argparse would call a word after the command unknown."""
        first, *others = words or ("",)
        is_unknown = first.startswith("-") and first.partition("=")[0] not in self._option_string_actions
        if self._subparsers and is_unknown and any(not word.startswith("-") for word in others):
            raise UsageError(f"{first} comes before the command", hint="write options after the command")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not a choice.

        argparse lists all choices instead, and suggests the nearest one from Python 3.14 on:
        https://docs.python.org/3/library/argparse.html#suggest-on-error
        """
        if action.choices is None or value in action.choices:
            return
        name = "/".join(action.option_strings) or action.metavar or action.dest
        known = ", ".join(map(str, action.choices))
        raise UsageError(f"{name}: {value!r} is not one of {known}", hint=self._hint(str(value), action.choices))

    def _hint(self, wrong: str, known: Iterable[Any]) -> str:
        near = get_close_matches(wrong, [str(each) for each in known if not is_alias(str(each))], n=1)
        return f"did you mean {near[0]}? see: {self.prog} --help" if near else f"see: {self.prog} --help"

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, hint=f"see: {self.prog} --help")
