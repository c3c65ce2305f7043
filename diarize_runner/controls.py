"""Characters that command whatever shows a text: a terminal, an editor, or the reader of a format that goes by lines.

The control characters (C0 and C1, among them ESC, CSI and NEL), the separators of lines and paragraphs, what reorders
the text that follows (https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings), and halves of characters,
which no file can hold. Names of files and speakers, and texts, are anybody's, and can have them all.
"""

import re

_ORDERS = "\u202a-\u202e\u2066-\u2069"
_CONTROLS = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_ORDERS}\ud800-\udfff]")
_REORDERING = re.compile(f"[{_ORDERS}]")


def escaped(text: str) -> str:
    r"""Return the text with each of them as Python writes it, such as `\x1b`: it is one line, and commands nothing."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def escaped_in_json(document: str) -> str:
    r"""Return the same JSON with each of them as JSON writes it, such as `\u009b`; line ends stay: they are layout."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", document)


def blanked(text: str) -> str:
    """Return the text with a blank for each of them, but for what reorders text: that has no width, and goes."""
    return _CONTROLS.sub(" ", _REORDERING.sub("", text))


def underlined(name: str) -> str:
    """Return the name with `_` for each of them, so that two names that differ in their length still do."""
    return _CONTROLS.sub("_", name)
