"""The GE2E encoder gives the same embeddings in a batch as one at a time."""

import pytest
import torch
from support.pipelines import RATE, ge2e, tone

FRAMES_PER_SECOND = 50


@pytest.fixture(scope="module")
def encoder():
    return ge2e()


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


def test_a_batch_gives_the_same_embeddings_as_single_utterances(encoder, waveforms):
    with torch.inference_mode():
        batched = encoder.forward_embedding(encoder.forward_frames(waveforms), torch.stack(ALL).expand(2, -1, -1))
        single = [[encoder(waveform[None], weights=weights[None])[0] for weights in ALL] for waveform in waveforms]
    expected = torch.stack([torch.stack(each) for each in single])
    torch.testing.assert_close(batched, expected, rtol=0, atol=1e-6, equal_nan=True)
    assert torch.allclose(batched[:, :3].norm(dim=-1), torch.ones(2, 3))


def test_less_than_0_4_s_of_speech_gives_nan(encoder, waveforms):
    with torch.inference_mode():
        assert encoder(waveforms, weights=TOO_SHORT.expand(2, -1)).isnan().all()
        assert encoder(waveforms[..., : 2 * RATE // 5]).isfinite().all()
    with pytest.raises(ValueError, match="an utterance needs 6400 samples, not 6399"):
        encoder(waveforms[..., : 2 * RATE // 5 - 1])


def test_audio_outside_the_mask_has_no_effect(encoder, waveforms):
    noisy = waveforms.clone()
    noisy[..., round(4.7 * RATE) :] = torch.randn(noisy[..., round(4.7 * RATE) :].shape)
    with torch.inference_mode():
        found, expected = (encoder(each, weights=LONG.expand(2, -1)) for each in (noisy, waveforms))
    assert torch.equal(found, expected)
