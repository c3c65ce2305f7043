"""The GE2E encoder: what is heard together is heard as if it were alone."""

import pytest
import torch
from support.pipelines import RATE, ge2e, tone

FRAMES_A_SECOND = 50


@pytest.fixture(scope="module")
def encoder():
    return ge2e()


@pytest.fixture(scope="module")
def waveforms():
    return torch.stack([tone(hertz, 5) for hertz in (150, 440)])[:, None]


def mask(*spoken):
    heard = torch.zeros(5 * FRAMES_A_SECOND)
    for start, end in spoken:
        heard[round(start * FRAMES_A_SECOND) : round(end * FRAMES_A_SECOND)] = 1
    return heard


LONG, SHORT, IN_PARTS, TOO_SHORT = mask((0, 4.5)), mask((1, 2)), mask((0, 1), (3, 5)), mask((2, 2.3))
ALL = (LONG, SHORT, IN_PARTS, TOO_SHORT)


def test_utterances_of_any_length_are_embedded_together_as_each_would_be_alone(encoder, waveforms):
    with torch.inference_mode():
        together = encoder.forward_embedding(encoder.forward_frames(waveforms), torch.stack(ALL).expand(2, -1, -1))
        alone = [[encoder(waveform[None], weights=heard[None])[0] for heard in ALL] for waveform in waveforms]
    expected = torch.stack([torch.stack(each) for each in alone])
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-6, equal_nan=True)
    assert torch.allclose(together[:, :3].norm(dim=-1), torch.ones(2, 3))


def test_less_than_four_tenths_of_a_second_say_nothing(encoder, waveforms):
    with torch.inference_mode():
        assert encoder(waveforms, weights=TOO_SHORT.expand(2, -1)).isnan().all()
        assert encoder(waveforms[..., : 2 * RATE // 5]).isfinite().all()
    with pytest.raises(ValueError, match="an utterance needs 6400 samples, not 6399"):
        encoder(waveforms[..., : 2 * RATE // 5 - 1])


def test_only_what_is_inside_the_mask_is_heard(encoder, waveforms):
    noisy = waveforms.clone()
    noisy[..., round(4.7 * RATE) :] = torch.randn(noisy[..., round(4.7 * RATE) :].shape)
    with torch.inference_mode():
        heard, undisturbed = (encoder(each, weights=LONG.expand(2, -1)) for each in (noisy, waveforms))
    assert torch.equal(heard, undisturbed)
