"""The voice of each speaker: which speech is embedded, and how embeddings are averaged."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from support.voices import embed_tones, embedding_of, speak

from diarize_runner.diarization.audio import SAMPLE_RATE, Recording, SeparateChannels
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.diarization.voices import average, embed_speakers, turns_alone
from diarize_runner.digests import hash_bytes
from diarize_runner.progress import NoProgress


@dataclass
class Kept:
    """An embedding model that keeps what it embeds."""

    embed: object = embed_tones
    batches: list = field(default_factory=list)

    def __call__(self, waveforms, masks=None):
        self.batches.append(np.asarray(waveforms))
        return self.embed(waveforms)


def turn(start, end, speaker):
    return SpeakerTurn(start=start, end=end, speaker=speaker)


def embed(waveform, *turns, model=None):
    recording = Recording(uri="call", waveform=waveform.astype(np.float32))
    diarization = Diarization(uri="call", turns=turns, exclusive_turns=turns)
    return embed_speakers(model or Kept(), recording, diarization, NoProgress())


def test_speech_of_two_at_once_is_of_neither():
    found = turns_alone([turn(0, 4, "a"), turn(3, 6, "b"), turn(7, 8, "a"), turn(7, 8, "a"), turn(7.5, 7.6, "b")])
    assert {speaker: [(each.start, each.end) for each in turns] for speaker, turns in found.items()} == {
        "a": [(0, 3), (7, 7.5), (7.6, 8)],
        "b": [(4, 6)],
    }


def test_turns_that_touch_or_contain_each_other_are_told_apart():
    found = turns_alone([turn(0, 2, "a"), turn(2, 3, "b"), turn(5, 9, "a"), turn(6, 7, "b")])
    assert {speaker: sum(each.duration for each in turns) for speaker, turns in found.items()} == {"a": 5, "b": 1}


def test_each_speaker_has_the_embedding_of_that_speakers_speech_alone():
    found = embed(speak(("ada", 3), ("bo", 2), ("ada", 1)), turn(0, 3, "a"), turn(3, 5, "b"), turn(5, 6, "a"))
    assert found["a"].embedding == pytest.approx(embedding_of("ada"), abs=1e-6)
    assert found["b"].embedding == pytest.approx(embedding_of("bo"), abs=1e-6)
    assert (found["a"].seconds, found["b"].seconds) == (4, 2)


def test_who_speaks_alone_for_less_than_a_second_and_a_half_has_no_voice():
    assert set(embed(speak(("ada", 4)), turn(0, 2.2, "a"), turn(1.5, 3.6, "b"))) == {"a"}
    assert embed(speak(("ada", 3))) == {}


@pytest.mark.parametrize(("seconds", "shape"), [(2, (1, 1, 2)), (7, (1, 1, 7)), (8, (2, 1, 4)), (100, (12, 1, 5))])
def test_speech_is_cut_into_windows_of_about_five_seconds_and_a_minute_at_most(seconds, shape):
    model = Kept()
    embed(speak(("ada", seconds)), turn(0, seconds, "a"), model=model)
    (batch,) = model.batches
    assert batch.shape == (*shape[:2], shape[2] * SAMPLE_RATE)


def test_the_longest_turns_are_embedded_in_order():
    model = Kept()
    waveform = np.arange(90 * SAMPLE_RATE) / SAMPLE_RATE  # each sample is its time
    found = embed(
        waveform, turn(0, 20, "a"), turn(21, 22, "a"), turn(30, 80, "a"), model=Kept(embed=model_of_time(model))
    )
    assert found["a"].seconds == 71
    samples = model.batches[0].ravel()
    assert len(samples) == 60 * SAMPLE_RATE
    assert not ((samples > 10.001) & (samples < 30)).any()
    assert (np.diff(samples) > 0).all()


def model_of_time(kept):
    def embed(waveforms):
        kept.batches.append(np.asarray(waveforms))
        return np.ones((len(waveforms), 2), dtype=np.float32)

    return embed


def test_a_window_that_the_model_cannot_embed_counts_nothing():
    def embed_all_but_the_first(waveforms):
        return np.stack([np.full(8, np.nan), *embed_tones(waveforms)[1:]])

    found = embed(speak(("ada", 10)), turn(0, 10, "a"), model=Kept(embed=embed_all_but_the_first))
    assert found["a"].embedding == pytest.approx(embedding_of("ada"), abs=1e-6)
    unknown = embed(speak(("ada", 4)), turn(0, 4, "a"), model=Kept(embed=embed_all_but_the_first))
    assert unknown == {}


def test_a_channels_speaker_is_heard_in_that_channel():
    waveforms = np.stack([speak(("ada", 3)), speak(("bo", 3))], axis=1).astype(np.float32)
    recording = SeparateChannels(
        uri="call", waveform=waveforms.mean(axis=1), digest=hash_bytes(b"").digest, waveforms=waveforms
    )
    turns = (turn(0, 2, "CHANNEL_1_SPEAKER_00"), turn(1, 3, "CHANNEL_2"))  # both at once, but each in one channel
    diarization = Diarization(uri="call", turns=turns, exclusive_turns=turns)
    found = embed_speakers(Kept(), recording, diarization, NoProgress())
    assert found["CHANNEL_1_SPEAKER_00"].embedding == pytest.approx(embedding_of("ada"), abs=1e-6)
    assert found["CHANNEL_2"].embedding == pytest.approx(embedding_of("bo"), abs=1e-6)


def test_an_average_is_of_directions_and_has_unit_length():
    assert average([[2.0, 0.0], [0.0, 100.0]]) == pytest.approx([0.5**0.5, 0.5**0.5])
    assert average([[1.0, 0.0], [0.0, 1.0]], [3.0, 1.0]) == pytest.approx(np.array([3, 1]) / 10**0.5)


def test_an_embedding_is_not_shown_by_repr():
    (voice,) = embed(speak(("ada", 3)), turn(0, 3, "a")).values()
    assert "embedding" not in repr(voice)
