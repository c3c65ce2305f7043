"""Neutralise characters that control a terminal or an editor, or break a line-based format.

These are the C0 and C1 control characters (ESC, CSI and NEL among them), line and paragraph separators, bidirectional
controls (https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings), and lone surrogates, which no file can
hold. Untrusted file names, speaker names and texts may contain any of them.
"""

import re

_BIDI = "\u202a-\u202e\u2066-\u2069"
_CONTROLS = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI}\ud800-\udfff]")
_BIDI_CONTROLS = re.compile(f"[{_BIDI}]")


def escape_controls(text: str) -> str:
    r"""Return the text as one line, with control characters as Python escapes, such as `\x1b`."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def escape_controls_in_json(document: str) -> str:
    r"""Return the JSON document with control characters as JSON escapes, such as `\u009b`; keep its line ends."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", document)


def replace_controls_with_spaces(text: str) -> str:
    """Return the text with a space for each control character; drop bidirectional controls, which have no width."""
    return _CONTROLS.sub(" ", _BIDI_CONTROLS.sub("", text))


def replace_controls_with_underscores(name: str) -> str:
    """Return the name with `_` for each control character, so that names of different lengths stay different."""
    return _CONTROLS.sub("_", name)
