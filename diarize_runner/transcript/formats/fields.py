"""Texts and names for formats with one record a line and whitespace between fields."""

import re

from diarize_runner.control_characters import replace_controls_with_spaces, replace_controls_with_underscores


def one_line(text: str) -> str:
    """Return the text stripped, with each run of whitespace and control characters as one space."""
    return " ".join(replace_controls_with_spaces(text).split())


def field(name: str) -> str:
    """Return the name as one field: whitespace and control characters become `_`, an empty name `<NA>`.

    A leading `;;` becomes `_` too, because NIST tools take such a line for a comment.
    """
    return re.sub(r"\s|^;;", "_", replace_controls_with_underscores(name)) or "<NA>"
