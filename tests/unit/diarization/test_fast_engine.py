"""The fast engine: each second of audio is embedded once, in chunks that do not overlap."""

import numpy as np
import pytest
import torch
from pyannote.core import SlidingWindow, SlidingWindowFeature
from support import pipelines
from support.pipelines import CHUNK, RATE, STEP

from diarize_runner.diarization import engine
from diarize_runner.diarization.embedding import EmbeddingPass
from diarize_runner.diarization.fast import make_fast
from diarize_runner.diarization.tiles import TileEmbeddingPass

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


class Starts:
    """An audio whose crops tell where they start."""

    sample_rate = RATE

    def crop(self, file, segment, mode):
        return torch.full((1, 1), segment.start), RATE


class Numbers:
    """A model that embeds slot s of the chunk that starts at t as (t, s)."""

    def __init__(self):
        self.embedded = []

    def forward_frames(self, waveforms):
        self.embedded += waveforms.flatten().tolist()
        return waveforms.flatten()

    def forward_embedding(self, frames, weights):
        batch, slots, _ = weights.shape
        starts = frames[:, None].expand(batch, slots)
        found = torch.stack([starts, torch.arange(slots).expand(batch, slots)], dim=2).float()
        return found.masked_fill(weights.sum(dim=2, keepdim=True) < 2, torch.nan)


def embed(model, active, *, min_samples=1, **options):
    """Embed chunks of 4 s, which begin every second; `active` has shape (chunks, 8 frames, slots)."""
    segmentations = SlidingWindowFeature(np.float32(active), SlidingWindow(start=0.0, duration=4.0, step=1.0))
    exact = EmbeddingPass(
        model=model,
        audio=Starts(),
        device=CPU,
        batch_size=1,
        threads=1,
        min_samples=min_samples,
        empty_mask_embedding=np.full(2, -1, dtype=np.float32),
    )
    return TileEmbeddingPass(exact=exact)({}, segmentations, **options)


def speech(chunks, turns, slots=2):
    """Return the activity of slots, given as turns of slot, start and end in seconds."""
    times = np.arange(chunks)[:, None] + np.arange(8) / 2
    active = np.zeros((chunks, 8, slots))
    for slot, start, end in turns:
        active[:, :, slot] += (times >= start) & (times < end)
    return active


def test_only_chunks_that_do_not_overlap_are_embedded_and_the_last():
    model = Numbers()
    embed(model, speech(11, [(0, 0, 14)]))
    assert model.embedded == [0, 4, 8, 10]


def test_a_chunk_between_tiles_gets_the_mean_by_frames_in_common():
    found = embed(Numbers(), speech(9, [(0, 0, 12)]))
    assert found[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_a_speaker_keeps_its_embedding_if_its_slot_changes():
    active = speech(9, [(0, 0, 12)])
    active[2] = active[2][:, ::-1]
    found = embed(Numbers(), active)
    assert found[2].tolist() == [[-1, -1], [2, 0]]


def test_slots_without_speech_have_the_embedding_of_an_empty_mask():
    found = embed(Numbers(), speech(9, [(0, 0, 3), (1, 9, 12)]))
    assert found[4].tolist() == [[-1, -1], [-1, -1]]
    assert found[1].tolist() == [[0, 0], [-1, -1]]


def test_silence_is_not_embedded():
    model = Numbers()
    embed(model, speech(40, [(0, 20, 21)]))
    assert model.embedded == [20]


def test_a_speaker_with_too_little_speech_in_each_tile_is_embedded_directly():
    model = Numbers()
    found = embed(model, speech(9, [(0, 0, 3.5), (0, 4.5, 12), (1, 3.5, 4.5)]))
    assert model.embedded == [0, 4, 8, 1, 2, 3]
    assert found[2].tolist() == [[2, 0], [2, 1]]
    assert np.isnan(found[0, 1]).all()


def test_a_speaker_with_less_speech_than_the_model_needs_costs_nothing():
    model = Numbers()
    found = embed(model, speech(9, [(0, 0, 12), (1, 5.0, 5.5)]), min_samples=RATE)
    assert model.embedded == [0, 4, 8]
    assert found[3, 1].tolist() == [-1, -1]


@pytest.mark.parametrize("exclude_overlap", [False, True])
def test_frames_with_several_speakers_do_not_tell_which_slots_are_the_same_speaker(exclude_overlap):
    found = embed(Numbers(), speech(9, [(0, 0, 8), (1, 4, 9)]), exclude_overlap=exclude_overlap)
    assert found[2, 0].tolist() == [0, 0]


def test_progress_is_reported_only_where_a_tile_has_speech():
    counts = []
    silent = speech(9, [])
    embed(Numbers(), silent, hook=lambda *_, **progress: counts.append(progress))
    assert counts == []
    only_between_tiles = silent.copy()
    only_between_tiles[2, :, 0] = 1
    embed(Numbers(), only_between_tiles, hook=lambda *_, **progress: counts.append(progress))
    assert counts == [{"total": 1, "completed": 0}, {"total": 1, "completed": 1}]


@pytest.fixture(scope="module")
def make_stock(tmp_path_factory):
    """Return a function that makes a stock pipeline."""
    folder = tmp_path_factory.mktemp("plda")
    return lambda **options: pipelines.pipeline(folder, **options)


def make_file(script, samples):
    return {"waveform": pipelines.recording(script, samples)[None], "sample_rate": RATE, "uri": "talk"}


@pytest.mark.parametrize("embedding", pipelines.EMBEDDINGS)
def test_a_recording_of_one_chunk_has_the_embeddings_of_stock(make_stock, embedding):
    stock, fast = (make_stock(embedding=embedding) for _ in range(2))
    make_fast(fast, CPU)
    script = {"ada": [(0.0, 1.5)], "bo": [(1.0, CHUNK)]}
    request = make_file(script, round(CHUNK * RATE)), pipelines.segmentations(script, round(CHUNK * RATE))
    found, expected = (each.get_embeddings(*request, exclude_overlap=True) for each in (fast, stock))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.nanmax(np.abs(expected)))


def test_agglomerative_clustering_is_adapted_and_vbx_is_not(make_stock):
    agglomerative, vbx = make_stock(clustering="AgglomerativeClustering"), make_stock()
    before = agglomerative.clustering.threshold
    for each in (agglomerative, vbx):
        make_fast(each, CPU)
    assert (agglomerative._segmentation.step, agglomerative.clustering.min_cluster_size) == (2 * STEP, 1)
    assert agglomerative.clustering.threshold == pytest.approx(1.09 * before)
    assert (vbx._segmentation.step, vbx.clustering.threshold) == (STEP, make_stock().clustering.threshold)


def test_chunks_of_the_fast_engine_leave_no_gap(make_stock):
    pipeline = make_stock(clustering="AgglomerativeClustering")
    pipeline._segmentation.step = 0.75 * CHUNK
    make_fast(pipeline, CPU)
    assert pipeline._segmentation.step == CHUNK


def test_embedded_models_are_fast_by_default_and_those_of_pyannote_exact(make_stock):
    assert engine.apply_engine(make_stock(embedding="CAM++"), "cpu", "auto") == "fast"
    assert engine.apply_engine(make_stock(embedding="WeSpeaker"), "cpu", "auto") == "exact"
    longer = make_stock(embedding="CAM++")
    longer._segmentation.duration = 10.0
    assert engine.apply_engine(longer, "cpu", "auto") == "exact"


def test_an_unsupported_pipeline_falls_back_to_stock_with_a_logged_reason(make_stock, caplog):
    pipeline = make_stock()
    pipeline._embedding.model_ = torch.nn.Identity()
    assert engine.apply_engine(pipeline, "cpu", "fast") == "stock"
    assert "get_embeddings" not in vars(pipeline)
    assert caplog.messages[0].startswith("falling back to the stock engine: its embedding model cannot encode a chunk")
