"""The two embedded caches, with real weights from the package index: same output as stock, and known weaknesses."""

from functools import cache

import numpy as np
import pytest
import torch
from support.campplus_vectors import SPANS, TOLERANCE
from support.music import chords

from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization import engine
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.jobs.enrolment import enroll
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm
from diarize_runner.voices.matching import DEFAULT_THRESHOLD, name_speakers

pytestmark = pytest.mark.scenario

RATE = 16_000
REQUESTS = ["embedded", "embedded-music"]


@pytest.fixture(scope="module")
def load(embedded_boxes):
    """Return a function that loads the cache of a request of this repository with an engine, once."""

    @cache
    def load_once(name, kind="auto"):
        diarizer = engine.load(open_cache(embedded_boxes(name), NoProgress()), "cpu", kind)
        assert kind in ("auto", diarizer.engine)
        return diarizer

    return load_once


@pytest.fixture(scope="module")
def sample(phone_call):
    """The samples of pyannote's recording of two people."""
    return phone_call.waveform


def diarize(diarizer, samples):
    return diarizer.diarize(Recording(uri="call", waveform=samples), SpeakerHints(), NoProgress())


def speakers_at(second, diarization):
    return {turn.speaker for turn in diarization.turns if turn.start <= second <= turn.end}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_encoder_gives_the_embeddings_of_3d_speaker(load, sample, name):
    encoder = load(name).pipeline._embedding.model_

    for span in SPANS:
        heard = torch.from_numpy(sample[round(span["start"] * RATE) : round(span["end"] * RATE)])
        with torch.inference_mode():
            found = encoder(heard[None, None])[0]
        torch.testing.assert_close(found, torch.tensor(span["embedding"]), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_exact_engine_writes_the_rttm_of_stock_and_finds_both_speakers(load, sample, name):
    found, expected = (diarize(load(name, kind), sample) for kind in ("exact", "stock"))

    assert rttm.render(found) == rttm.render(expected)
    assert found.speakers == ("SPEAKER_00", "SPEAKER_01")


def test_the_default_engine_is_fast_only_where_it_is_as_accurate_as_exact(load):
    assert {name: load(name, "auto").engine for name in REQUESTS} == {"embedded": "fast", "embedded-music": "exact"}


def test_chords_are_speech_to_the_embedded_segmentation_and_not_to_segmentation_3_0(load):
    """A known weakness of the embedded cache, and the reason for the other one."""
    music = chords(30, RATE).numpy()

    heard = {name: sum(turn.end - turn.start for turn in diarize(load(name), music).turns) for name in REQUESTS}

    assert heard["embedded-music"] == 0
    assert heard["embedded"] > 20


BRIEF, LONG = (21.85, 27.8), ((11.2, 13.7), (18.9, 21.2))
"""Seconds of the sample in which only one of its speakers talks, then only the other."""


def test_a_speaker_who_talks_once_for_six_seconds_in_two_minutes_is_found_only_by_the_embedded_cache(load, sample):
    """A known weakness of the other cache: its chunks of 10 s overlap the turn too seldom for a cluster."""

    def excerpt(start, end):
        return sample[round(start * RATE) : round(end * RATE)]

    talk = np.concatenate([excerpt(*span) for span in LONG])
    recording = np.concatenate([*[talk] * 10, excerpt(*BRIEF), *[talk] * 14])

    found = {name: diarize(load(name), recording) for name in REQUESTS}

    brief = {name: speakers_at(51.0, found[name]) - speakers_at(20.0, found[name]) for name in REQUESTS}
    assert brief == {"embedded": {"SPEAKER_01"}, "embedded-music": set()}
    turns = [turn for turn in found["embedded"].turns if turn.speaker == "SPEAKER_01"]
    longest = max(turns, key=lambda turn: turn.end - turn.start)
    assert (longest.start, longest.end) == pytest.approx((48.0, 53.9), abs=0.5)
    assert sum(turn.end - turn.start for turn in turns if turn != longest) < 1.0


def test_a_caller_is_named_by_a_voice_enrolled_from_other_seconds_and_a_stranger_is_not(load, sample):
    diarizer = load("embedded")
    first = np.concatenate([sample[round(start * RATE) : round(end * RATE)] for start, end in LONG])
    voice = enroll("Diane", [Recording(uri="first", waveform=first)], diarizer, NoProgress())
    rest = sample.copy()
    for start, end in LONG:
        rest[round(start * RATE) : round(end * RATE)] = 0

    found = diarize(diarizer, rest)
    voices = diarizer.embed_speakers(Recording(uri="call", waveform=rest), found, NoProgress())
    names = name_speakers({label: each.embedding for label, each in voices.items()}, [voice], DEFAULT_THRESHOLD)

    (other,) = speakers_at(24.0, found)
    assert len(voices) == 2
    assert list(names.values()) == ["Diane"]
    assert other not in names
