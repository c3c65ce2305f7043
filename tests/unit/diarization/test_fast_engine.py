"""The fast engine: each second of audio is encoded once, and pooled for every chunk that it is in."""

import dataclasses
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from pyannote.audio import Audio
from pyannote.core import SlidingWindow, SlidingWindowFeature
from support import pipelines
from support.pipelines import CHUNK, RATE, STEP

from diarize_runner.diarization import engine
from diarize_runner.diarization.blocks import BlockEmbeddingPass, BlockGrid, block_grid
from diarize_runner.diarization.fast import make_fast
from diarize_runner.diarization.workers import map_ahead

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
CPU = torch.device("cpu")
HOP = 1_600
"""Samples of a frame: a tenth of a second."""
SCRIPT = {"ada": [(0.0, 3.0), (8.0, 9.0)], "bo": [(3.0, 6.0)], "cy": [(6.0, 8.0)]}
SAMPLES = 9 * RATE


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@dataclass
class Means:
    """A model whose frames are the means of a tenth of a second, and whose embedding is the mean of frames."""

    encoded: list = field(default_factory=list)
    """The first sample of each encoded waveform."""

    def forward_frames(self, waveforms):
        self.encoded += waveforms[:, 0, 0].tolist()
        return waveforms.unfold(2, HOP, HOP).mean(dim=3)

    def forward_embedding(self, frames, weights):
        weights = torch.nn.functional.interpolate(weights, size=frames.shape[2], mode="nearest")
        return torch.einsum("bdt,bst->bsd", frames, weights) / weights.sum(dim=2, keepdim=True)


def embedding_pass(model, *, context=2, batch_size=1):
    return BlockEmbeddingPass(
        model=model,
        audio=Audio(sample_rate=RATE, mono="downmix"),
        device=CPU,
        grid=BlockGrid(hop=HOP, frames=30, context=context),
        batch_size=batch_size,
        threads=2,
        min_samples=HOP,
        empty_mask_embedding=np.full(1, -1, dtype=np.float32),
    )


def embed(model, waveform, active, **options):
    """Embed chunks of 2 s, which begin every second; `active` has shape (chunks, frames, slots)."""
    segmentations = SlidingWindowFeature(np.float32(active), SlidingWindow(start=0.0, duration=2.0, step=1.0))
    file = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": RATE, "uri": "talk"}
    return embedding_pass(model, **options)(file, segmentations)


def noise(seconds):
    return np.random.default_rng(0).normal(size=seconds * RATE).astype(np.float32)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("seconds", [2, 3, 7, 30])
def test_a_chunk_is_pooled_from_its_own_frames(seconds, context, batch_size):
    waveform = noise(seconds)
    active = np.random.default_rng(1).integers(0, 2, size=(seconds - 1, 20, 3))
    found = embed(Means(), waveform, active, context=context, batch_size=batch_size)
    frames = waveform.reshape(-1, HOP).mean(axis=1)
    for chunk, slots in enumerate(active):
        expected = frames[10 * chunk : 10 * chunk + 20] @ slots / slots.sum(axis=0)
        np.testing.assert_allclose(found[chunk, :, 0], expected, rtol=0, atol=1e-6)


def test_each_block_is_encoded_once_and_silence_is_not():
    model, waveform = Means(), np.repeat(np.arange(60, dtype=np.float32), RATE)
    active = np.zeros((59, 20, 1))
    active[2:4] = active[30] = 1  # seconds 2 to 5 and 30 to 32
    found = embed(model, waveform, active, context=0)
    assert sorted(model.encoded) == [0, 3, 30]
    assert np.flatnonzero(found[:, 0, 0] + 1).tolist() == [2, 3, 30]


def test_audio_beyond_the_edges_mirrors_the_recording():
    model = Means()
    embed(model, np.arange(2 * RATE, dtype=np.float32), np.ones((1, 20, 1)), context=2)
    assert model.encoded == [2 * HOP]


def test_a_chunk_may_end_after_the_recording():
    found = embed(Means(), np.ones(RATE, np.float32), np.ones((1, 20, 1)))
    assert found[0, 0, 0] == pytest.approx(1)


def test_a_grid_has_whole_frames():
    grid = block_grid(Means(), CPU, 10.0, 1.04)
    assert grid == BlockGrid(hop=HOP, frames=100, context=10)
    assert grid.samples_of(2) == (190 * HOP, 310 * HOP)
    assert list(grid.blocks_of(range(99, 201))) == [0, 1, 2]


def test_results_are_computed_no_further_ahead_than_they_are_needed():
    started, lock = Counter(), threading.Lock()

    def square(number):
        with lock:
            started[number] += 1
        return number**2

    with ThreadPoolExecutor(2) as pool:
        results = map_ahead(pool, square, range(100), 4)
        assert next(results) == 0
        assert len(started) <= 4
        assert list(results) == [number**2 for number in range(1, 100)]


@pytest.fixture(scope="module")
def make_stock(tmp_path_factory):
    """Return a function that makes a stock pipeline."""
    folder = tmp_path_factory.mktemp("plda")
    return lambda **options: pipelines.pipeline(folder, **options)


def make_file(script, samples):
    return {"waveform": pipelines.recording(script, samples)[None], "sample_rate": RATE, "uri": "talk"}


def test_three_voices_are_three_speakers(make_stock):
    fast = make_stock(clustering="AgglomerativeClustering")
    make_fast(fast, CPU)
    with pipelines.scripted(fast, SCRIPT):
        found = fast(make_file(SCRIPT, SAMPLES)).exclusive_speaker_diarization
    turns = [(segment.start, segment.end) for segment in found.itersegments()]
    np.testing.assert_allclose(turns, [(0, 3), (3, 6), (6, 8), (8, 9)], rtol=0, atol=0.05)
    ada, bo, cy, ada_again = (label for _, _, label in found.itertracks(yield_label=True))
    assert ada == ada_again
    assert len({ada, bo, cy}) == 3


@pytest.mark.parametrize("embedding", ["WeSpeaker", "CAM++"])
def test_a_block_that_is_a_chunk_has_the_embedding_of_stock(make_stock, embedding):
    stock, fast = (make_stock(embedding=embedding) for _ in range(2))
    make_fast(fast, CPU)
    block_pass = fast.get_embeddings
    grid = BlockGrid(hop=block_pass.grid.hop, frames=round(CHUNK * RATE / block_pass.grid.hop), context=0)
    script = {"ada": [(0.0, CHUNK)]}
    request = make_file(script, round(CHUNK * RATE)), pipelines.segmentations(script, round(CHUNK * RATE))
    found = dataclasses.replace(block_pass, grid=grid)(*request)[0, 0]
    expected = stock.get_embeddings(*request)[0, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_the_window_moves_twice_as_far_where_clusters_have_a_minimum_size(make_stock):
    agglomerative, vbx = make_stock(clustering="AgglomerativeClustering"), make_stock()
    for each in (agglomerative, vbx):
        make_fast(each, CPU)
    assert (agglomerative._segmentation.step, agglomerative.clustering.min_cluster_size) == (2 * STEP, 1)
    assert vbx._segmentation.step == STEP


def test_embedded_models_are_fast_by_default_and_those_of_pyannote_exact(make_stock):
    assert engine.apply_engine(make_stock(embedding="CAM++"), "cpu", "auto") == "fast"
    assert engine.apply_engine(make_stock(embedding="WeSpeaker"), "cpu", "auto") == "exact"


def test_a_model_without_frames_falls_back_to_the_exact_engine_with_a_logged_reason(make_stock, caplog):
    assert engine.apply_engine(make_stock(embedding="GE2E"), "cpu", "fast") == "exact"
    assert caplog.messages == [
        "falling back to the exact engine: its embedding model has no frames that chunks can share"
    ]


def test_without_frames_or_pooling_it_falls_back_to_stock(make_stock):
    pipeline = make_stock()
    pipeline._embedding.model_ = torch.nn.Identity()
    assert engine.apply_engine(pipeline, "cpu", "fast") == "stock"
    assert "get_embeddings" not in vars(pipeline)


def test_the_engines_chunks_last_as_long_as_stocks(make_stock):
    pipeline = make_stock()
    make_fast(pipeline, CPU)
    assert pipeline._segmentation.duration == CHUNK
