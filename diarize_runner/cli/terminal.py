"""The one way to a terminal: nothing that is written there can command it, forge a line, or be taken for markup."""

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from diarize_runner.controls import escaped


class PlainConsole(Console):
    """Draws every text as it is, with control characters escaped: names of files can hold markup and commands."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(file=stream, stderr=stream is None, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text of a string: every cell, title and caption of a table comes through here."""
        return super().render_str(escaped(text), **how)


def caption(lines: Iterable[str]) -> Text:
    """Return lines for under a table."""
    return Text("\n".join(map(escaped, lines)))
