"""Print to a terminal: text cannot send it commands, forge a line, or act as markup."""

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from diarize_runner.control_characters import escape_controls


class PlainConsole(Console):
    """A console that prints text literally and escapes control characters: file names may hold markup and commands."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(file=stream, stderr=stream is None, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        """Convert a string to text; rich calls this for every cell, title and caption of a table."""
        return super().render_str(escape_controls(text), **options)


def caption(lines: Iterable[str]) -> Text:
    """Return lines as the caption of a table."""
    return Text("\n".join(map(escape_controls, lines)))
