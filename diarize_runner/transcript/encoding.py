"""Decode a transcript file, whose encoding no transcript states."""

import json
import re
import unicodedata
from dataclasses import dataclass

from diarize_runner.bounds import decode_utf8

NOT_UTF_8 = re.compile(r"[\ud800-\udfff]")
_SAMPLE_BYTES = 1 << 14
_SYMBOL_IN_WORD = re.compile(r"[^\W\d_](?![’´`·–—…­])[^\w\x00-\x7f][^\W\d_]")  # noqa: RUF001  # apostrophes and dashes join words


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedText:
    """The text of a file."""

    text: str
    """With a lone surrogate for each byte that is not of the encoding."""
    encoding: str
    """A name that Python and iconv know."""


def decode(data: bytes) -> DecodedText:
    """Decode UTF-8, UTF-16 or UTF-32, by the byte order mark or the zero bytes of ASCII characters."""
    encoding = json.detect_encoding(data)
    if encoding.startswith("utf-8"):
        # whisper.cpp writes JSON with incomplete UTF-8 characters, https://github.com/ggml-org/whisper.cpp/issues/1798.
        return DecodedText(text=decode_utf8(data, errors="surrogateescape"), encoding="utf-8")
    text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    return DecodedText(text=re.sub("\r\n?", "\n", text), encoding=encoding)


def decode_other(data: bytes, text: str) -> DecodedText | None:
    """Decode bytes of which `decode` made a `text` with lone surrogates; return None if no encoding fits.

    Where most letters beyond ASCII are UTF-8, a few bytes are damaged: each becomes U+FFFD. Else all are of an older
    encoding, which the frequency of letters tells.
    """
    damaged = len(text) - len(text.encode(errors="ignore").decode())  # a list of them would take 80 times the file
    if sum(not character.isascii() for character in text) > 2 * damaged:
        return DecodedText(text=NOT_UTF_8.sub("\N{REPLACEMENT CHARACTER}", text), encoding="utf-8")
    sample = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_SAMPLE_BYTES]
    encoding = _guess_encoding(sample)
    if encoding is None:
        return None
    return DecodedText(text=re.sub("\r\n?", "\n", data.decode(encoding, errors="replace")), encoding=encoding)


def _guess_encoding(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    # Of the encodings for Latin letters it takes the wrong one for short French and Spanish texts, so the most common
    # one goes first, unless it gives symbols within words, as it does for Polish.
    if best is None or _is_latin(str(best)):
        western = sample.decode("cp1252", errors="replace")
        if "\ufffd" not in western and not _SYMBOL_IN_WORD.search(western):
            return "cp1252"
    return best.encoding if best else None


def _is_latin(text: str) -> bool:
    return all(unicodedata.name(each, "").startswith("LATIN") for each in text if each.isalpha())
