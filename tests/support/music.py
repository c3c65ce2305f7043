"""Music-like chords, in which no one speaks."""

import torch

_ROOTS, _MAJOR = (220.0, 196.0, 261.6, 174.6), (0, 4, 7)
"""Hertz; semitones."""


def chords(seconds: int, rate: int) -> torch.Tensor:
    """Return a chord per second, of five harmonics per note, with a tremolo of 5 Hz."""
    time = torch.arange(rate) / rate
    tremolo = 1 + 0.8 * torch.sin(2 * torch.pi * 5 * time)
    sound = torch.cat([_chord(_ROOTS[second % len(_ROOTS)], time) * tremolo for second in range(seconds)])
    return sound / sound.abs().max() / 5


def _chord(root: float, time: torch.Tensor) -> torch.Tensor:
    notes = [root * 2 ** (semitones / 12) for semitones in _MAJOR]
    return sum(torch.sin(2 * torch.pi * note * part * time) / part**1.5 for note in notes for part in range(1, 6))
