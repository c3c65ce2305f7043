"""Parse the languages of Whisper: codes, English names and aliases."""

from difflib import get_close_matches
from typing import Final

from diarize_runner.errors import UsageError
from diarize_runner.transcript.languages import LANGUAGE_CODES, LANGUAGES

_ALIASES: Final = {
    "burmese": "my",
    "castilian": "es",
    "flemish": "nl",
    "haitian": "ht",
    "iw": "he",
    "jv": "jw",
    "letzeburgesch": "lb",
    "mandarin": "zh",
    "moldavian": "ro",
    "moldovan": "ro",
    "nb": "no",
    "panjabi": "pa",
    "pushto": "ps",
    "sinhalese": "si",
    "valencian": "ca",
}
_AUTO: Final = "auto"
_CODES: Final = {**LANGUAGE_CODES, **_ALIASES, **{code: code for code in LANGUAGES}}
"""Codes, by code, name and alias."""


def parse_language(text: str) -> str | None:
    """Return the code of a language given by code, name, alias or tag, such as `de-AT`; None for `auto`.

    Raises:
        UsageError: Whisper does not know the language.
    """
    name = text.strip().lower().replace("_", "-")
    if name == _AUTO:
        return None
    code = _CODES.get(name) or _CODES.get(name.partition("-")[0])
    if code is None:
        near = get_close_matches(name, _CODES, n=1)
        hint = f"did you mean {near[0]}?" if near else "use a name such as German, a code such as de, or auto"
        raise UsageError(f"Whisper knows no language {text!r}", hint=hint)
    return code
