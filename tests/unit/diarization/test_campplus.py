"""CAM++ embeds as 3D-Speaker's implementation does, and gets only the frames that its mask selects."""

import pytest
import torch
from support.campplus_vectors import RANDOM_WEIGHTS, TOLERANCE, TONES_TOLERANCE
from support.pipelines import RATE, VOICES, campplus, one_thread, tone

from diarize_runner.diarization.campplus import HOP, MIN_FRAMES, WINDOW

FRAMES_PER_SECOND = 50
SHORTEST = WINDOW + (MIN_FRAMES - 1) * HOP


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def encoder():
    return campplus()


@pytest.fixture(scope="module")
def waveforms():
    return torch.stack([tone(hertz, 5) for hertz in (150, 440)])[:, None]


def mask(*spoken):
    weights = torch.zeros(5 * FRAMES_PER_SECOND)
    for start, end in spoken:
        weights[round(start * FRAMES_PER_SECOND) : round(end * FRAMES_PER_SECOND)] = 1
    return weights


LONG, SHORT, IN_PARTS, TOO_SHORT = mask((0, 4.5)), mask((1, 2)), mask((0, 1), (3, 5)), mask((2, 2.3))
ALL = (LONG, SHORT, IN_PARTS, TOO_SHORT)


@pytest.mark.parametrize("voice", VOICES)
def test_the_embedding_is_that_of_3d_speaker(encoder, voice):
    with torch.inference_mode():
        found = encoder(tone(VOICES[voice], 2.5)[None, None])[0]

    expected = torch.tensor(RANDOM_WEIGHTS[voice])
    torch.testing.assert_close(found, expected, rtol=0, atol=TONES_TOLERANCE)
    others = torch.tensor([each for name, each in RANDOM_WEIGHTS.items() if name != voice])
    assert (others - expected).abs().max(dim=1).values.min() > 100 * TONES_TOLERANCE, "the voices differ"


def test_a_batch_gives_the_same_embeddings_as_single_utterances(encoder, waveforms):
    with torch.inference_mode():
        batched = encoder.forward_embedding(encoder.forward_frames(waveforms), torch.stack(ALL).expand(2, -1, -1))
        single = [[encoder(waveform[None], weights=weights[None])[0] for weights in ALL] for waveform in waveforms]

    expected = torch.stack([torch.stack(each) for each in single])
    torch.testing.assert_close(batched, expected, rtol=0, atol=TOLERANCE, equal_nan=True)
    assert batched[:, :3].isfinite().all()


def test_too_little_speech_gives_nan(encoder, waveforms):
    with torch.inference_mode():
        assert encoder(waveforms, weights=TOO_SHORT.expand(2, -1)).isnan().all()
        assert encoder(waveforms, weights=torch.zeros(2, 5)).isnan().all()
        assert encoder(waveforms[..., :SHORTEST]).isfinite().all()
    with pytest.raises(ValueError, match=f"an utterance needs {SHORTEST} samples, not {SHORTEST - 1}"):
        encoder(waveforms[..., : SHORTEST - 1])


def test_audio_outside_the_mask_has_no_effect(encoder, waveforms):
    noisy = waveforms.clone()
    noisy[..., round(4.7 * RATE) :] = torch.randn(noisy[..., round(4.7 * RATE) :].shape)
    with torch.inference_mode():
        found, expected = (encoder(each, weights=LONG.expand(2, -1)) for each in (noisy, waveforms))
    assert torch.equal(found, expected)
