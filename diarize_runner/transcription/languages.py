"""The languages of Whisper: codes, English names and aliases.

As in https://github.com/openai/whisper/blob/v20250625/whisper/tokenizer.py.
"""

from difflib import get_close_matches
from typing import Final

from diarize_runner.errors import UsageError

_NAMES: Final = """
en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese, pt portuguese, tr turkish,
pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian, id indonesian, hi hindi, fi finnish, vi vietnamese,
he hebrew, uk ukrainian, el greek, ms malay, cs czech, ro romanian, da danish, hu hungarian, ta tamil, no norwegian,
th thai, ur urdu, hr croatian, bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh, sk slovak,
te telugu, fa persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian, kn kannada, et estonian,
mk macedonian, br breton, eu basque, is icelandic, hy armenian, ne nepali, mn mongolian, bs bosnian, kk kazakh,
sq albanian, sw swahili, gl galician, mr marathi, pa punjabi, si sinhala, km khmer, sn shona, yo yoruba, so somali,
af afrikaans, oc occitan, ka georgian, be belarusian, tg tajik, sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao,
uz uzbek, fo faroese, ht haitian creole, ps pashto, tk turkmen, nn nynorsk, mt maltese, sa sanskrit, lb luxembourgish,
my myanmar, bo tibetan, tl tagalog, mg malagasy, as assamese, tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir,
jw javanese, su sundanese, yue cantonese
"""
LANGUAGES: Final = {code: name for code, _, name in (entry.strip().partition(" ") for entry in _NAMES.split(","))}
"""English names, by code."""
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
_CODES: Final = {**{name: code for code, name in LANGUAGES.items()}, **_ALIASES, **{code: code for code in LANGUAGES}}
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
