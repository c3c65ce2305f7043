"""From clusters to turns: the same frames and the same turns as stock, whatever the chunks say."""

import numpy as np
import pytest
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.utils.signal import binarize
from pyannote.core import SlidingWindow, SlidingWindowFeature
from support.pipelines import segmentation_model

from diarize_runner.diarization import reconstruction
from diarize_runner.diarization.segmentation import Scores

CHUNKS = SlidingWindow(start=0.0, duration=2.0, step=0.2)
FRAMES = segmentation_model().receptive_field
SEEDS = range(20)


def scores(random) -> np.ndarray:
    """Make up what is said of 1 to 30 chunks: at times certain, at times not, at times of nobody."""
    chunks, frames = random.integers(1, 30), 115
    said = np.repeat(random.random((chunks, 23, 3)), 5, axis=1)[:, :frames].astype(np.float32)
    return random.choice([np.round(said), said, said * random.random((chunks, 1, 3))]).astype(np.float32)


def case(seed: int, most: float):
    """Make up segmentations, their clusters, and how many speak in each frame, which is `most` at the most."""
    random = np.random.default_rng(seed)
    said = scores(random)
    clusters = random.integers(0, 5, (len(said), 3)).astype(np.int8)
    active = SlidingWindowFeature((said > 0.5).astype(float), CHUNKS)
    clusters[active.data.sum(axis=1) == 0] = -2
    clusters[0, 0] = seed % 5
    count = SpeakerDiarization.speaker_count(active, FRAMES, warm_up=(0.0, 0.0))
    count.data = np.minimum(count.data, most).astype(np.int8)
    return SlidingWindowFeature(said, CHUNKS), clusters, count


@pytest.mark.parametrize("most", [np.inf, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_frame_is_that_of_stock(seed, most):
    stock = SpeakerDiarization.__new__(SpeakerDiarization)
    expected = SpeakerDiarization.reconstruct(stock, *case(seed, most))

    found = reconstruction.reconstruct(*case(seed, most))

    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
    assert vars(found.sliding_window) == vars(expected.sliding_window)


@pytest.mark.parametrize("durations", [(0.0, 0.0), (0.0, 0.3), (0.1, 0.0), (0.2, 0.5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_turn_is_that_of_stock(seed, durations):
    frames = reconstruction.reconstruct(*case(seed, np.inf))
    found = reconstruction.to_annotation(frames, *durations)
    expected = SpeakerDiarization.to_annotation(frames, *durations)
    assert [*found.itertracks(yield_label=True)] == [*expected.itertracks(yield_label=True)]


def test_who_speaks_to_the_end_has_a_turn_to_the_end():
    spoken = SlidingWindowFeature(np.array([[1, 0], [0, 0], [0, 1], [0, 1]], float), SlidingWindow(step=1, duration=1))
    found = [*reconstruction.to_annotation(spoken).itertracks(yield_label=True)]
    assert [(turn.start, turn.end, speaker) for turn, _, speaker in found] == [(0.5, 1.5, 0), (2.5, 3.5, 1)]


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_scores_are_binarized_as_stock_does_it_however_many_there_are(threshold):
    random = np.random.default_rng(0)
    said = np.round(random.random((600, 20, 3)), 1).astype(np.float32)  # some of which are the threshold
    said[100:400] = threshold
    how = {"onset": threshold, "initial_state": False}

    found, expected = (binarize(each(said, CHUNKS), **how) for each in (Scores, SlidingWindowFeature))

    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
