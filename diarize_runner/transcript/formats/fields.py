"""Texts and names for formats that go by lines, and fields that blanks separate and nothing can quote."""

import re

from diarize_runner.controls import blanked, underlined


def one_line(text: str) -> str:
    """Return the text with each run of blanks, line ends and control characters as one blank, and none around it."""
    return " ".join(blanked(text).split())


def field(name: str) -> str:
    """Return the name as one field: each blank or control character is `_`, an empty name is `<NA>`.

    A line that begins with `;;` is a comment to the tools of NIST, so a name does not begin like one.
    """
    return re.sub(r"\s|^;;", "_", underlined(name)) or "<NA>"
