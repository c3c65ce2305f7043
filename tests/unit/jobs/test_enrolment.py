"""What a voice is enrolled from."""

from types import SimpleNamespace

import numpy as np
from support.voices import MODEL, embedding_of

from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.diarization.voices import SpeakerVoice
from diarize_runner.jobs.enrolment import enroll
from diarize_runner.progress import NoProgress


def band(samples, low, high):
    """Return the energy of samples between two frequencies, as a share of all of it."""
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return spectrum[(low <= frequencies) & (frequencies < high)].sum() / spectrum.sum()


def who_hears(people):
    """Return a diarizer that hears one person, and takes each version of the recording for another one."""
    heard, names = [], iter(people)

    def embed(recording, diarization, progress):
        heard.append(recording.waveform)
        return {"A": SpeakerVoice(embedding=embedding_of(next(names)), seconds=recording.duration)}

    turns = (SpeakerTurn(start=0.0, end=4.0, speaker="A"),)
    diarization = Diarization(uri="noise", turns=turns, exclusive_turns=turns)
    diarizer = SimpleNamespace(
        device="cpu", embedding_model=MODEL, diarize=lambda *_: diarization, embed_speakers=embed
    )
    return diarizer, heard


def test_a_voice_is_enrolled_as_it_was_recorded_and_as_telephones_carry_it():
    diarizer, heard = who_hears(["ada", "bo", "cy"])
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * SAMPLE_RATE).astype(np.float32)

    voice = enroll("Ada", [Recording(uri="noise", waveform=noise)], diarizer, NoProgress())

    assert np.array_equal(heard[0], noise)
    assert [band(each, 4_000, 8_000) < 0.05 for each in heard] == [False, True, True]
    assert [band(each, 0, 250) < 0.01 for each in heard] == [False, False, True]
    assert [np.argmax(each) for each in voice.embeddings] == [
        np.argmax(embedding_of(who)) for who in ("ada", "bo", "cy")
    ]


def test_each_version_is_averaged_over_the_recordings():
    diarizer, _ = who_hears(["ada", "bo", "cy", "ada", "bo", "cy"])
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * SAMPLE_RATE).astype(np.float32)
    voice = enroll("Ada", [Recording(uri="noise", waveform=noise)] * 2, diarizer, NoProgress())
    np.testing.assert_allclose(voice.embeddings, [embedding_of(who) for who in ("ada", "bo", "cy")], atol=1e-6)
    assert voice.seconds == 8.0
