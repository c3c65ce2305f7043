"""Measure the level of a recording while it is decoded, for faults that only its samples show."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_SILENT: Final = 1e-4
"""Peak, of full scale: -80 dB. Lossy codecs turn digital silence into noise below it."""
_CANCELLED: Final = 0.1
"""Energy of the sum of the channels by the sum of their energies: 1 for channels that differ, 0 for inverted ones."""
_FAR_ABOVE_FULL_SCALE: Final = 2.0
"""Peak, of full scale; lossy codecs and resamplers exceed full scale by less."""


class Levels:
    """Peaks of the selected samples, and energy of the channels before and after their mix."""

    def __init__(self) -> None:
        self._peaks: Samples = np.zeros(0, np.float32)
        self._of_sum = self._of_channels = 0.0

    def add(self, channels: Samples, selected: Samples) -> None:
        """Count samples (channels, samples), and those selected, of shape (samples,) or (samples, channels)."""
        peaks: Samples = np.atleast_1d(np.abs(selected).max(axis=0, initial=0))
        self._peaks = np.maximum(self._peaks, peaks) if self.channels else peaks
        if len(channels) > 1:
            self._of_sum += float(np.vdot(selected, selected)) * len(channels) ** 2
            self._of_channels += float(np.vdot(channels, channels))

    @property
    def channels(self) -> int:
        """The number of selected channels, of which a mix is one; 0 before the first samples."""
        return len(self._peaks)

    @property
    def peak(self) -> float:
        """Of the selected samples, as a share of full scale."""
        return float(self._peaks.max(initial=0))

    @property
    def silent_channels(self) -> Sequence[int]:
        """The channels, from 1, in which nothing can be heard."""
        return [number for number, peak in enumerate(self._peaks, start=1) if peak < _SILENT]

    @property
    def are_silent(self) -> bool:
        """Whether nothing can be heard."""
        return self.peak < _SILENT

    @property
    def cancel_out(self) -> bool:
        """Whether a mix of the channels loses most of what is in them."""
        return self._of_sum < _CANCELLED * self._of_channels

    @property
    def are_far_above_full_scale(self) -> bool:
        """Whether the samples cannot be in [-1, 1], as those of integers that a tool wrote as floats."""
        return self.peak > _FAR_ABOVE_FULL_SCALE
