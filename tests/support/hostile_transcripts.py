"""Hostile and damaged transcripts and RTTM files, mutated from the output of real tools.

Each is derived from a number, so that a failure can be reproduced.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.exclusive import make_exclusive
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, WHISPERLIVE
from diarize_runner.transcript.read import read
from diarize_runner.transcript.rules import Rules, SmoothingLimits, SplitThresholds

_VECTORS = Path(__file__).parents[1] / "vectors"
_SEEDS = sorted(
    [*(_VECTORS / "transcripts").glob("*.*"), *(_VECTORS / "pyannote-sample").glob("*.stm")], key=lambda path: path.name
)
SEEDS = [path for path in _SEEDS if path.suffix in (".json", ".srt", ".vtt", ".stm")]
RTTM = (_VECTORS / "pyannote-sample/sample.rttm").read_bytes()
RULES = (
    Rules(),
    Rules(split=None),
    Rules(smooth=SmoothingLimits()),
    Rules(reach=1e6, split=SplitThresholds(share=0, seconds=0, words=0)),
)
_LARGEST = 100_000
"""Bytes; larger files take longer and find no more."""
NUMBERS = (0, -1, 0.5, 1e15, 1e308, 864_000, 864_001, float("nan"), float("inf"), 10**400, True, None, -0.0, 1e-320)
TEXTS = (
    *("", " ", "\0", "\x1b[2J", "\u009b2J", "\u202e", "\ud800", "\udce3", "\ufeff", "\u2028", "\x85", "\t\t", "\r\n"),
    *(
        "a" * 5000,
        "9" * 5000,
        "nan",
        "inf",
        "1e999",
        "0x10",
        "1_0",
        "٣",
        "-0",
        "00:00:01,000",
        "-->",
        "<v ",
        "&#",
        "<<",
    ),
    *("SPEAKER", ";;", "[SPEAKER_00]", "\n\n1\n00:00:00,000 --> 00:00:02,500\n", "&#x202e;", f"&#{'9' * 5000};", "]]>"),
)
KEYS = (
    "start",
    "end",
    "text",
    "words",
    "word",
    "segments",
    "transcription",
    "offsets",
    "from",
    "to",
    "tokens",
    "result",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HostileTranscript:
    """A transcript, and the turns to label it with."""

    name: str
    transcript: bytes
    rttm: bytes


def hostile(number: int) -> HostileTranscript:
    """Return the transcript with this number."""
    chance = random.Random(number)
    seed = SEEDS[number % len(SEEDS)]
    data = seed.read_bytes()
    if seed.suffix == ".json" and chance.random() < 0.8:
        data = _mutated_json(data, chance)
    for _ in range(chance.choice((0, 0, 1, 2, 8))):
        data = _mutated_bytes(data, chance)[:_LARGEST]
    turns = _mutated_bytes(RTTM, chance)[:_LARGEST] if chance.random() < 0.2 else RTTM
    return HostileTranscript(name=f"{number} of {seed.name}", transcript=data, rttm=turns)


def _mutated_json(data: bytes, chance: random.Random) -> bytes:
    document = json.loads(data.decode(errors="surrogateescape"), strict=False)
    for _ in range(chance.choice((1, 1, 1, 3))):
        parent, key = chance.choice(list(_places(document)) or [([None], 0)])
        parent[key] = _other_value(parent[key], chance)
    text = json.dumps(document, ensure_ascii=chance.random() < 0.5)
    return text.replace(str(10**400), "9" * chance.choice((400, 5000))).encode(errors="surrogatepass")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from _places(inner)


def _other_value(value: Any, chance: random.Random) -> Any:
    made = (
        lambda: chance.choice(NUMBERS),
        lambda: str(chance.choice(NUMBERS)),
        lambda: chance.choice(TEXTS),
        *([lambda: value + chance.choice(TEXTS)] * 6 if isinstance(value, str) else ()),
        *([lambda: chance.uniform(0, 40)] * 4 if isinstance(value, float) else ()),
        lambda: [value] * chance.choice((0, 1, 50)),
        lambda: {chance.choice(KEYS): value},
        lambda: _nested(value, chance.choice((5, 300))),
        lambda: {chance.choice((*KEYS, *TEXTS)): chance.choice((*NUMBERS, *TEXTS)) for _ in range(3)},
        lambda: chance.choice(([], {}, [[]], [{}])),
    )
    return chance.choice(made)()


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def _mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return b"[" * chance.choice((1, 100_000))
    at, length = chance.randrange(len(data)), chance.choice((1, 1, 4, 40))
    lines = data.splitlines(keepends=True)
    line = chance.randrange(len(lines))
    piece = chance.choice((*TEXTS, *map(str, NUMBERS[:-5]))).encode(errors="surrogatepass")
    made = (
        lambda: data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
        lambda: data[:at] + data[at + length :],
        lambda: data[:at],
        lambda: data[:at] + piece + data[at:],
        lambda: data[:at] + data[at : at + length] * chance.choice((2, 300)) + data[at:],
        lambda: b"".join([*lines[:line], lines[line] * chance.choice((2, 60)), *lines[line:]]),
        lambda: b"".join([*lines[:line], *lines[line + 1 :]]),
        lambda: b"".join(chance.sample(lines, len(lines))),
        lambda: data.replace(bytes([data[at]]), piece, 20),
        lambda: chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0")) + data,
    )
    return chance.choice(made)()


def label_in_every_format(case: HostileTranscript, folder: Path) -> str:
    """Read, label and write in every format; return the message of a refusal, or an empty string.

    Other errors propagate.
    """
    path = folder / "talk"
    path.write_bytes(case.transcript)
    try:
        transcript = read(path)
        turns = _turns(case.rttm, folder / "talk.rttm") if case.rttm != RTTM else _turns_of_the_sample()
    except DiarizeRunnerError as error:
        return error.message if error.message and error.hint else f"without a hint: {error!r}"
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=make_exclusive(turns))
    for rules in RULES[: 1 + len(case.transcript) % len(RULES)]:
        labelled = assign_speakers(transcript, diarization, rules)
    document = Document(transcript=labelled, media="talk.wav", audio_src="talk.wav")
    for output_format in (*FORMATS.values(), WHISPERLIVE):
        output_format.render(document).encode()
    return ""


def _turns(rttm: bytes, path: Path) -> tuple[SpeakerTurn, ...]:
    path.write_bytes(rttm)
    return max(read_rttm(path).values(), key=len, default=())


@cache
def _turns_of_the_sample() -> tuple[SpeakerTurn, ...]:
    return read_rttm(_VECTORS / "pyannote-sample/sample.rttm")["sample"]


def label_transcripts(numbers: range, folder: Path) -> dict[str, int]:
    """Count refused and labelled transcripts; raise AssertionError at the first unexpected error."""
    counts = {"refused": 0, "labelled": 0}
    for number in numbers:
        case = hostile(number)
        try:
            refused = label_in_every_format(case, folder)
        except Exception as reason:
            raise AssertionError(f"transcript {case.name}: {reason!r}") from reason
        assert not refused.startswith("without a hint"), f"transcript {case.name}: {refused}"
        counts["refused" if refused else "labelled"] += 1
    return counts
