"""Synthetic embeddings (count, dimension) in float32, of up to eight speakers. They are not of unit length."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Embeddings = npt.NDArray[np.float32]
_SCATTER = (0.1, 0.4, 0.6, 1.0)
"""Standard deviation around a speaker's centre, whose coordinates have a standard deviation of 1."""


def speakers(random: np.random.Generator, count: int, dimension: int, scatter: float | None = None) -> Embeddings:
    """Return embeddings around the centres of speakers."""
    centres = random.standard_normal((random.integers(1, 9), dimension))
    spread = random.choice(_SCATTER) if scatter is None else scatter
    noise = spread * random.standard_normal((count, dimension))
    return (centres[random.integers(len(centres), size=count)] + noise).astype(np.float32)


def repeated(random: np.random.Generator, count: int, dimension: int) -> Embeddings:
    """Return a third of the embeddings, three times each on average."""
    different = max(2, count // 3)
    return speakers(random, different, dimension)[random.integers(different, size=count)]


def a_few_repeated(random: np.random.Generator, count: int, dimension: int) -> Embeddings:
    """Return five embeddings many times."""
    return speakers(random, 5, dimension)[random.integers(5, size=count)]


def means_of_tiles(random: np.random.Generator, count: int, dimension: int) -> Embeddings:
    """Return weighted means of two embeddings, as the fast engine does: many differ only by rounding."""
    tiles = repeated(random, 2 * count, dimension).reshape(count, 2, dimension)
    weights = random.integers(1, 9, size=(count, 2, 1)).astype(np.float32)
    weights[random.random(count) < 0.5, 1] = 0  # noqa: PLR2004  # half of them lie in one tile
    return (tiles * weights).sum(axis=1) / weights.sum(axis=1)


def on_a_lattice(random: np.random.Generator, count: int, dimension: int) -> Embeddings:
    """Return whole numbers: in few dimensions, different pairs are equally far apart. No network gives such ones."""
    return np.round(speakers(random, count, dimension)) + np.float32(0.1)


KINDS: tuple[Callable[[np.random.Generator, int, int], Embeddings], ...]
KINDS = (speakers, repeated, a_few_repeated, means_of_tiles)


def unit(embeddings: Embeddings) -> Embeddings:
    """Return embeddings of unit length, as pyannote links them."""
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
