"""Enrol voices, and score other utterances against each of them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.voices.speech import BANDS, ENROLLED_BANDS, Samples, join
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.telephone import also_by_telephone
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.diarization.voices import Embedding
from diarize_runner.progress import NoProgress

ENROLLED_SECONDS = (3.0, 10.0, 30.0)
TESTED_SECONDS = (1.5, 3.0, None)
"""None for the whole utterance."""
_FIRST = (0, 3, 6)
"""Each voice is enrolled three times, from this utterance on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """A voice that was enrolled from some of its utterances."""

    voice: str
    band: str
    seconds: float
    embeddings: tuple[Embedding, ...]
    """As `voices enroll` keeps them."""
    used: frozenset[int]
    """The numbers of the utterances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    """The start of an utterance, or all of it, as it is scored."""

    voice: str
    number: int
    band: str
    seconds: float | None
    """None for the whole utterance."""
    embedding: Embedding


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A comparison of an utterance with an enrolled voice."""

    score: float
    """Cosine."""
    genuine: bool
    utterance: tuple[str, int]
    claimed: str
    """The enrolled voice."""


def enrol(diarizer: Diarizer, voices: Mapping[str, Sequence[Samples]]) -> Iterator[Enrolment]:
    """Yield each voice, enrolled from each number of seconds in each band."""
    for (name, utterances), seconds, first in itertools.product(voices.items(), ENROLLED_SECONDS, _FIRST):
        speech, used = join(utterances, first, seconds)
        for band in ENROLLED_BANDS:
            heard = Recording(uri="speech", waveform=BANDS[band](speech))
            embeddings = tuple(_embed(diarizer, each) for each in also_by_telephone(heard))
            yield Enrolment(voice=name, band=band, seconds=seconds, embeddings=embeddings, used=frozenset(used))


def test(diarizer: Diarizer, voices: Mapping[str, Sequence[Samples]]) -> Iterator[Tested]:
    """Yield each utterance that is long enough, cut to each length in each band."""
    for (name, utterances), (band, heard), seconds in itertools.product(voices.items(), BANDS.items(), TESTED_SECONDS):
        for number, utterance in enumerate(utterances):
            end = len(utterance) if seconds is None else round(seconds * SAMPLE_RATE)
            if end <= len(utterance):
                embedding = _embed(diarizer, Recording(uri="utterance", waveform=heard(utterance[:end])))
                yield Tested(voice=name, number=number, band=band, seconds=seconds, embedding=embedding)


def score(enrolments: Sequence[Enrolment], tested: Sequence[Tested]) -> Iterator[Trial]:
    """Yield the trials of all pairs, except of utterances with the enrolment that they were used for."""
    for enrolled, utterance in itertools.product(enrolments, tested):
        genuine = enrolled.voice == utterance.voice
        if not (genuine and utterance.number in enrolled.used):
            yield Trial(
                score=max(float(np.dot(each, utterance.embedding)) for each in enrolled.embeddings),
                genuine=genuine,
                utterance=(utterance.voice, utterance.number),
                claimed=enrolled.voice,
            )


def _embed(diarizer: Diarizer, recording: Recording) -> Embedding:
    """Embed a recording as the product embeds a speaker, who speaks all the time here."""
    turns = (SpeakerTurn(start=0.0, end=recording.duration, speaker="voice"),)
    diarization = Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)
    return diarizer.embed_speakers(recording, diarization, NoProgress())["voice"].embedding
