"""What the simulated telephones keep of a voice."""

import numpy as np
import pytest

from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.telephone import by_internet, by_landline

BOTH = pytest.mark.parametrize("carried", [by_internet, by_landline])


def tone(frequency, level=0.5):
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def kept(carried, frequency):
    """Return the share of a tone's amplitude that is kept, apart from its start and end."""
    given = tone(frequency)
    middle = slice(SAMPLE_RATE // 4, -SAMPLE_RATE // 4)
    return float(np.std(carried(given)[middle]) / np.std(given[middle]))


@pytest.mark.parametrize(
    ("carried", "frequencies"), [(by_internet, (100, 1000, 3000)), (by_landline, (600, 1000, 2500))]
)
def test_what_a_telephone_carries_is_kept(carried, frequencies):
    assert [kept(carried, each) for each in frequencies] == pytest.approx([1, 1, 1], abs=0.05)


@pytest.mark.parametrize(("carried", "frequencies"), [(by_internet, (5000, 7000)), (by_landline, (100, 5000, 7000))])
def test_what_a_telephone_does_not_carry_is_lost(carried, frequencies):
    assert max(kept(carried, each) for each in frequencies) < 0.05


@pytest.mark.parametrize("level", [0.5, 0.01])
def test_levels_are_those_of_8_bits_on_a_logarithmic_scale(level):
    given = tone(1000, level)
    error = np.std(by_internet(given) - given) / np.std(given)
    assert 0.002 < error < 0.05  # on a linear scale, 8 bits would give 0.2 at the low level


@BOTH
def test_samples_keep_their_number_and_type_whatever_is_in_them(carried):
    for samples in (np.zeros(1, np.float32), np.zeros(16_001, np.float32), 4 * tone(1000)):
        found = carried(samples)
        assert (found.dtype, abs(len(found) - len(samples)) <= 1) == (np.float32, True)
        assert np.isfinite(found).all()
