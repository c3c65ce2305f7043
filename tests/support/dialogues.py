"""Random dialogues with known speakers, and the transcript and turns of imperfect tools.

Everything is drawn from a seed. Speakers say sentences, and interject a word or two. The simulated transcriber shifts
word times, extends some words into the following silence, and ends segments at sentence ends, but not at every change
of speaker. `DiarizerQuality` sets the errors of the simulated diarizer.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.exclusive import make_exclusive
from diarize_runner.transcript.model import Segment, Transcript, Word

_INTERJECTION_WORDS, _SENTENCE_WORDS = 2, (3, 12)
_PAUSE_THAT_ENDS_A_SEGMENT, _LONGEST_SEGMENT_WORDS = 0.6, 30


@dataclass(frozen=True, kw_only=True)
class DiarizerQuality:
    """Error rates of the simulated diarizer."""

    edges: float
    """Standard deviation of the start and end of a turn, in seconds."""
    missed: float
    """Share of turns under a second that it misses."""
    flickers: float
    """Stretches of 0.2 to 0.8 s given to another speaker, per minute."""
    confused: float
    """Share of turns given to another speaker."""


GOOD = DiarizerQuality(edges=0.1, missed=0.1, flickers=0.5, confused=0.0)
USUAL = DiarizerQuality(edges=0.2, missed=0.3, flickers=3.0, confused=0.02)
POOR = DiarizerQuality(edges=0.3, missed=0.5, flickers=8.0, confused=0.08)


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """The speaker of each word in order of time, and the output of both tools."""

    speakers: tuple[str, ...]
    """By word."""
    transcript: Transcript
    diarization: Diarization


@dataclass(frozen=True, kw_only=True)
class _Utterance:
    speaker: str
    words: tuple[Word, ...]

    @property
    def turn(self) -> SpeakerTurn:
        return SpeakerTurn(start=self.words[0].start, end=self.words[-1].end, speaker=self.speaker)


def dialogue(seed: int, quality: DiarizerQuality, *, utterances: int = 60, sentences: int = 3) -> Dialogue:
    """Return a dialogue of three speakers, with up to `sentences` sentences per utterance.

    The words depend only on the seed, not on `quality`.
    """
    spoken = _utterances(random.Random(seed), utterances, sentences)
    words = sorted(((word, each.speaker) for each in spoken for word in each.words), key=lambda pair: pair[0].start)
    turns = tuple(sorted(_diarized(random.Random(seed), [each.turn for each in spoken], quality)))
    draw = random.Random(seed)
    return Dialogue(
        speakers=tuple(speaker for _, speaker in words),
        transcript=Transcript(segments=tuple(_segments(draw, _placed(draw, [word for word, _ in words])))),
        diarization=Diarization(uri="dialogue", turns=turns, exclusive_turns=make_exclusive(turns)),
    )


def _utterances(draw: random.Random, count: int, sentences: int) -> list[_Utterance]:
    spoken: list[_Utterance] = []
    now, speaker, people = 1.0, "Ann", ("Ann", "Bob", "Cem")
    while len(spoken) < count:
        spoken.append(_utterance(draw, speaker, now, draw.randint(1, sentences)))
        if draw.random() < 0.3:
            spoken.append(_interjection(draw, draw.choice([each for each in people if each != speaker]), spoken[-1]))
        now = max(1.0, max(each.turn.end for each in spoken[-2:]) + draw.uniform(-0.3, 0.9))
        speaker = draw.choice([each for each in people if each != speaker])
    return spoken


def _utterance(draw: random.Random, speaker: str, now: float, sentences: int) -> _Utterance:
    words: list[Word] = []
    for _ in range(sentences):
        length = draw.randint(*_SENTENCE_WORDS)
        for number in range(length):
            words.append(_word(draw, now, ends_sentence=number == length - 1))
            now = words[-1].end + draw.uniform(0.01, 0.12)
        now += draw.uniform(0.0, 0.7)
    return _Utterance(speaker=speaker, words=tuple(words))


def _interjection(draw: random.Random, speaker: str, during: _Utterance) -> _Utterance:
    start = draw.uniform(during.turn.start, during.turn.end)
    count = draw.randint(1, _INTERJECTION_WORDS)
    first = _word(draw, start, ends_sentence=count == 1)
    second = _word(draw, first.end + 0.05, ends_sentence=True)
    return _Utterance(speaker=speaker, words=(first, second)[:count])


def _word(draw: random.Random, start: float, *, ends_sentence: bool) -> Word:
    text = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9)))
    end = start + 0.12 + 0.035 * len(text)
    return Word(start=start, end=end, text=f" {text}{'.' if ends_sentence else ''}")


def _placed(draw: random.Random, words: Sequence[Word]) -> list[Word]:
    """Shift word times as a transcriber does."""
    placed = []
    for word, following in zip(words, [*words[1:], words[-1]], strict=True):
        start = max(0.0, word.start + draw.gauss(0.0, 0.05))
        end = max(start, word.end + draw.gauss(0.0, 0.05))
        if draw.random() < 0.05:
            end = max(end, following.start)
        placed.append(Word(start=start, end=end, text=word.text))
    return placed


def _segments(draw: random.Random, words: Sequence[Word]) -> list[Segment]:
    segments: list[Segment] = []
    own: list[Word] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        own.append(word)
        sentence_ends = word.text.endswith(".")
        paused = following is None or following.start - word.end > _PAUSE_THAT_ENDS_A_SEGMENT
        if paused or len(own) >= _LONGEST_SEGMENT_WORDS or (sentence_ends and draw.random() < 0.5):
            start, end = min(each.start for each in own), max(each.end for each in own)
            segments.append(Segment(start=start, end=end, text="".join(each.text for each in own), words=tuple(own)))
            own = []
    return segments


def _diarized(draw: random.Random, turns: Sequence[SpeakerTurn], quality: DiarizerQuality) -> list[SpeakerTurn]:
    people = sorted({turn.speaker for turn in turns})
    found = []
    for turn in turns:
        if turn.duration < 1.0 and draw.random() < quality.missed:
            continue
        start = max(0.0, turn.start + draw.gauss(0.0, quality.edges))
        end = max(start, turn.end + draw.gauss(0.0, quality.edges))
        speaker = turn.speaker if draw.random() >= quality.confused else draw.choice(people)
        found.extend(_flickering(draw, SpeakerTurn(start=start, end=end, speaker=speaker), people, quality.flickers))
    return found


def _flickering(
    draw: random.Random, turn: SpeakerTurn, people: Sequence[str], times_a_minute: float
) -> list[SpeakerTurn]:
    """Give a stretch of a turn to another speaker, at random."""
    if draw.random() >= turn.duration * times_a_minute / 60:
        return [turn]
    start = draw.uniform(turn.start, turn.end)
    end = min(turn.end, start + draw.uniform(0.2, 0.8))
    other = draw.choice([each for each in people if each != turn.speaker])
    parts = [(turn.start, start, turn.speaker), (start, end, other), (end, turn.end, turn.speaker)]
    return [SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in parts]
