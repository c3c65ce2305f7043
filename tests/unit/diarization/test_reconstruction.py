"""Counting and reconstruction give the same frames and turns as stock for random chunks."""

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


def random_scores(random) -> np.ndarray:
    """Return scores of 1 to 30 chunks: binary, continuous or scaled down."""
    chunks, frames = random.integers(1, 30), 115
    scores = np.repeat(random.random((chunks, 23, 3)), 5, axis=1)[:, :frames].astype(np.float32)
    return random.choice([np.round(scores), scores, scores * random.random((chunks, 1, 3))]).astype(np.float32)


def make_case(seed: int, max_speakers: float):
    """Return random segmentations, their clusters, and the speaker count of each frame, at most `max_speakers`."""
    random = np.random.default_rng(seed)
    scores = random_scores(random)
    clusters = random.integers(0, 5, (len(scores), 3)).astype(np.int8)
    active = SlidingWindowFeature((scores > 0.5).astype(float), CHUNKS)
    clusters[active.data.sum(axis=1) == 0] = -2
    clusters[0, 0] = seed % 5
    count = SpeakerDiarization.speaker_count(active, FRAMES, warm_up=(0.0, 0.0))
    count.data = np.minimum(count.data, max_speakers).astype(np.int8)
    return SlidingWindowFeature(scores, CHUNKS), clusters, count


@pytest.mark.parametrize("warm_up", [(0.0, 0.0), (0.1, 0.1), (0.2, 0.0)])
@pytest.mark.parametrize("unknown", [0.0, 0.2])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_counts_match_stock(seed, unknown, warm_up):
    random = np.random.default_rng(seed)
    active = np.round(random_scores(random))
    active[random.random(active.shape) < unknown] = np.nan
    chunks = SlidingWindow(start=0.0, duration=2.0, step=random.choice([0.2, 0.5, 1.0]))

    found, expected = (
        counting(SlidingWindowFeature(active.copy(), chunks), FRAMES, warm_up=warm_up)
        for counting in (reconstruction.count_speakers, SpeakerDiarization.speaker_count)
    )

    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
    assert vars(found.sliding_window) == vars(expected.sliding_window)


@pytest.mark.parametrize("max_speakers", [np.inf, 1])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_frames_match_stock(seed, max_speakers):
    stock = SpeakerDiarization.__new__(SpeakerDiarization)
    expected = SpeakerDiarization.reconstruct(stock, *make_case(seed, max_speakers))

    found = reconstruction.reconstruct(*make_case(seed, max_speakers))

    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
    assert vars(found.sliding_window) == vars(expected.sliding_window)


@pytest.mark.parametrize("durations", [(0.0, 0.0), (0.0, 0.3), (0.1, 0.0), (0.2, 0.5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_turns_match_stock(seed, durations):
    frames = reconstruction.reconstruct(*make_case(seed, np.inf))
    found = reconstruction.to_annotation(frames, *durations)
    expected = SpeakerDiarization.to_annotation(frames, *durations)
    assert [*found.itertracks(yield_label=True)] == [*expected.itertracks(yield_label=True)]


def test_a_turn_can_end_with_the_last_frame():
    spoken = SlidingWindowFeature(np.array([[1, 0], [0, 0], [0, 1], [0, 1]], float), SlidingWindow(step=1, duration=1))
    found = [*reconstruction.to_annotation(spoken).itertracks(yield_label=True)]
    assert [(turn.start, turn.end, speaker) for turn, _, speaker in found] == [(0.5, 1.5, 0), (2.5, 3.5, 1)]


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_binarized_scores_match_stock_across_batches(threshold):
    random = np.random.default_rng(0)
    scores = np.round(random.random((600, 20, 3)), 1).astype(np.float32)  # some equal the threshold
    scores[100:400] = threshold
    options = {"onset": threshold, "initial_state": False}

    found, expected = (binarize(each(scores, CHUNKS), **options) for each in (Scores, SlidingWindowFeature))

    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
