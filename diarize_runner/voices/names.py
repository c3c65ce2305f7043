"""Which names an enrolled voice may have."""

import re
import unicodedata

from diarize_runner.transcript.formats.fields import field, one_line
from diarize_runner.transcript.speaker_names import MAX_NAME_LENGTH

_LABEL = re.compile(r"CHANNEL_\d+(_SPEAKER_\d+)?|SPEAKER_\d+|SPEECH|UNKNOWN|<NA>", re.IGNORECASE)
"""Of speakers who have no name, in some format: a reader could not tell such a name from one."""


def parse_voice_name(text: str) -> str:
    """Return the name in composed Unicode. Raises ValueError if it is a label, or cannot be written in every format."""
    name = unicodedata.normalize("NFC", text)
    if not _is_unicode(name) or name != one_line(name) or not any(map(str.isalnum, name)):
        raise ValueError(f"{text!r} is no name: it has control characters, blanks around it, or no letter or digit")
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"the name has {len(name)} characters, of {MAX_NAME_LENGTH} at most")
    if _LABEL.fullmatch(field(name)):
        raise ValueError(f"{text!r} is a label of speakers without a name")
    return name


def name_key(name: str) -> str:
    """Return what two names share if RTTM, or a reader, cannot tell them apart: `Ada Li` and `ada_li`."""
    return field(name).casefold()


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which stand for undecodable bytes of a command line."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
