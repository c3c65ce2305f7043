"""The exact engine against stock: same embeddings and turns, less work, bounded memory.

Both are complete pyannote pipelines with small networks; see tests/support/pipelines.py.
"""

import dataclasses
import weakref
from functools import cache

import numpy as np
import pytest
import torch
from support import pipelines
from support.pipelines import CHUNK, RATE, STEP

from diarize_runner.diarization import clustering as exact_clustering
from diarize_runner.diarization import engine
from diarize_runner.diarization.exact import make_exact

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
CPU = torch.device("cpu")
CHUNK_SAMPLES, STEP_SAMPLES = round(CHUNK * RATE), round(STEP * RATE)

SAMPLES = 3 * RATE
SCRIPTS = {
    "one speaker throughout": {"ada": [(0.0, 3.0)]},
    "three speakers take turns": {"ada": [(0.0, 1.0)], "bo": [(1.0, 2.1)], "cy": [(2.1, 3.0)]},
    "three speakers at once": {"ada": [(0.0, 3.0)], "bo": [(0.0, 3.0)], "cy": [(0.0, 3.0)]},
    "one speaker interrupts another": {"ada": [(0.0, 2.2)], "bo": [(1.5, 3.0)]},
    "too little speech without overlap": {"ada": [(0.0, 3.0)], "bo": [(1.0, 1.02), (2.0, 2.03)]},
    "words in a long silence": {"ada": [(0.2, 0.4)], "bo": [(2.7, 2.9)]},
}


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(scope="module")
def make_stock(tmp_path_factory):
    """Return a function that makes a stock pipeline."""
    folder = tmp_path_factory.mktemp("plda")
    return lambda **options: pipelines.pipeline(folder, **options)


@pytest.fixture(scope="module")
def pair(make_stock):
    """Return a function that makes a stock and an exact pipeline, once per set of options."""

    @cache
    def make_pair(**options):
        exact = make_stock(**options)
        make_exact(exact, CPU)
        return make_stock(**options), exact

    return make_pair


@pytest.fixture
def stock(pair):
    return pair()[0]


@pytest.fixture
def exact(pair):
    return pair()[1]


def make_file(script, samples):
    return {"waveform": pipelines.recording(script, samples)[None], "sample_rate": RATE, "uri": "talk"}


def run_script(pipeline, script):
    """Run a pipeline on a script, which replaces its segmentation network."""
    with pipelines.scripted(pipeline, script):
        return pipeline(make_file(script, SAMPLES))


def embeddings(pipeline, script, samples=SAMPLES, *, exclude_overlap=True):
    segmentations = pipelines.segmentations(script, samples)
    return pipeline.get_embeddings(make_file(script, samples), segmentations, exclude_overlap=exclude_overlap)


def assert_same(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.nanmax(np.abs(expected), initial=0))


@pytest.mark.long
@pytest.mark.parametrize("embedding", pipelines.EMBEDDINGS)
@pytest.mark.parametrize("exclude_overlap", [True, False])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_embeddings_match_stock(pair, script, exclude_overlap, embedding):
    blocks = pipelines.ALL_BLOCKS if script is SCRIPTS["one speaker interrupts another"] else pipelines.FEW_BLOCKS
    stock, exact = pair(embedding=embedding, blocks=blocks)
    found, expected = (embeddings(each, script, exclude_overlap=exclude_overlap) for each in (exact, stock))
    assert_same(found, expected)


LENGTHS = {
    "a tenth of a second": RATE // 10,
    "shorter than a chunk": CHUNK_SAMPLES - 1,
    "one chunk": CHUNK_SAMPLES,
    "one sample more than a chunk": CHUNK_SAMPLES + 1,
    "one sample less than whole steps": CHUNK_SAMPLES + 5 * STEP_SAMPLES - 1,
    "whole steps": CHUNK_SAMPLES + 5 * STEP_SAMPLES,
    "one sample more than whole steps": CHUNK_SAMPLES + 5 * STEP_SAMPLES + 1,
}


@pytest.mark.parametrize("samples", LENGTHS.values(), ids=LENGTHS)
def test_the_segmentation_is_bit_identical_to_stock(stock, exact, samples):
    file = make_file({"ada": [(0.0, 1.2)], "cy": [(1.0, 9.0)]}, samples)
    reports = []

    found = exact.get_segmentations(dict(file), hook=lambda step, _, **counts: reports.append((step, counts)))

    expected = stock.get_segmentations(dict(file))
    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
    assert vars(found.sliding_window) == vars(expected.sliding_window)
    assert reports[-1] == ("segmentation", {"total": len(found), "completed": len(found)})


def test_segmentation_batches_have_the_size_of_stock(make_stock):
    stock, exact = make_stock(), make_stock()
    make_exact(exact, CPU)
    for each in (stock, exact):
        each._segmentation.conversion = torch.nn.Identity()
    file = make_file(SCRIPTS["three speakers take turns"], 40 * STEP_SAMPLES + CHUNK_SAMPLES)

    found, expected = (each.get_segmentations(dict(file)).data for each in (exact, stock))

    assert len(np.unique(expected)) > 100, "the scores are continuous, so rounding would show"
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("samples", LENGTHS.values(), ids=LENGTHS)
def test_the_turns_match_stock_for_any_length(stock, exact, samples):
    file = make_file({"ada": [(0.0, 1.2)], "cy": [(1.0, 9.0)]}, samples)

    found, expected = exact(dict(file)), stock(dict(file))

    assert found.speaker_diarization.to_rttm() == expected.speaker_diarization.to_rttm()
    assert found.exclusive_speaker_diarization.to_rttm() == expected.exclusive_speaker_diarization.to_rttm()
    assert expected.speaker_diarization.labels(), "the networks detect speech"


@pytest.mark.parametrize("clustering", pipelines.CLUSTERINGS)
def test_the_turns_match_stock_with_the_linkage_of_long_recordings(monkeypatch, pair, clustering):
    used = []
    monkeypatch.setattr(exact_clustering, "MAX_EMBEDDINGS_OF_SCIPY", 1)
    link = exact_clustering.centroid_linkage
    monkeypatch.setattr(exact_clustering, "centroid_linkage", lambda points: used.append(len(points)) or link(points))
    expected, found = (run_script(each, SCRIPTS["three speakers take turns"]) for each in pair(clustering=clustering))
    assert used
    assert found.speaker_diarization == expected.speaker_diarization
    np.testing.assert_allclose(found.speaker_embeddings, expected.speaker_embeddings, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("clustering", pipelines.CLUSTERINGS)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_turns_match_stock(pair, script, clustering):
    expected, found = (run_script(each, script) for each in pair(clustering=clustering))

    assert found.speaker_diarization.to_rttm() == expected.speaker_diarization.to_rttm()
    assert_same(found.speaker_embeddings, expected.speaker_embeddings)
    assert len(expected.speaker_diarization.labels()) >= 1


def test_stock_distinguishes_the_three_speakers(pair):
    """Otherwise equal turns would prove nothing about the embeddings."""
    script = SCRIPTS["three speakers take turns"]
    stock, _ = pair(clustering="AgglomerativeClustering")
    assert len(run_script(stock, script).speaker_diarization.labels()) == 3


def test_silence_has_no_speakers(exact):
    found = run_script(exact, {})
    assert found.speaker_diarization.to_rttm() == ""
    assert found.speaker_embeddings.shape == (0, 256)


def test_empty_slots_match_stock(exact, stock):
    script = SCRIPTS["words in a long silence"]
    found, expected = embeddings(exact, script), embeddings(stock, script)
    empty = pipelines.segmentations(script, SAMPLES).data.sum(axis=1) == 0
    assert 0 < empty.sum() < empty.size
    assert np.array_equal(found[empty], expected[empty])
    assert not np.isnan(found).any()


class CountingModel:
    """A model that counts the chunks it encodes and the frames that are alive."""

    def __init__(self, model) -> None:
        self._model, self.encoded, self.alive_counts = model, 0, []
        self._alive, self.forward_embedding = set(), model.forward_embedding

    def forward_frames(self, waveforms):
        frames = self._model.forward_frames(waveforms)
        self._alive.add(id(frames))
        weakref.finalize(frames, self._alive.discard, id(frames))
        self.encoded += len(waveforms)
        self.alive_counts.append(len(self._alive))
        return frames


def run_counted(exact, script, samples) -> CountingModel:
    """Embed a recording with a counting model."""
    model = CountingModel(exact.get_embeddings.model)
    file, segmentations = make_file(script, samples), pipelines.segmentations(script, samples)
    dataclasses.replace(exact.get_embeddings, model=model)(file, segmentations)
    return model


def test_each_chunk_is_encoded_once_and_silence_is_skipped(exact):
    script, samples = {"ada": [(0.0, 1.0)], "bo": [(0.5, 1.0)], "cy": [(8.0, 9.0)]}, 12 * RATE
    speech = pipelines.segmentations(script, samples).data.any(axis=(1, 2))
    assert run_counted(exact, script, samples).encoded == speech.sum() < len(speech) / 2


def test_frames_are_freed_after_pooling(exact):
    alive_counts = run_counted(exact, {"ada": [(0.0, 9.0)]}, 9 * RATE).alive_counts
    assert len(alive_counts) > 30
    assert max(alive_counts) <= 2


def test_embeddings_are_byte_identical_across_runs_and_thread_counts(make_stock):
    script, found = SCRIPTS["one speaker interrupts another"], []
    for threads in (1, 1, 3):
        torch.set_num_threads(threads)
        exact = make_stock()
        make_exact(exact, CPU)
        found.append(embeddings(exact, script))
        assert torch.get_num_threads() == threads
    assert all(np.array_equal(found[0], each) for each in found[1:])


def test_the_batch_size_changes_only_rounding(exact):
    script = SCRIPTS["one speaker interrupts another"]
    single = exact.get_embeddings
    segmentations = pipelines.segmentations(script, SAMPLES)
    by_fours = dataclasses.replace(single, batch_size=4)
    file = make_file(script, SAMPLES)

    assert len(segmentations) % 4, "the last batch is padded"
    assert_same(by_fours(file, segmentations), single(file, segmentations))


def test_each_embedded_chunk_is_reported(exact):
    script, reports = SCRIPTS["words in a long silence"], []
    segmentations = pipelines.segmentations(script, SAMPLES)

    def hook(step, _, **counts):
        reports.append((step, counts))

    exact.get_embeddings(make_file(script, SAMPLES), segmentations, hook=hook)

    total = segmentations.data.any(axis=(1, 2)).sum()
    assert reports == [("embeddings", {"total": total, "completed": done}) for done in range(total + 1)]


def test_the_thread_count_is_restored_after_a_failure(exact):
    torch.set_num_threads(2)
    broken = dataclasses.replace(exact.get_embeddings, threads=2, audio=None)
    with pytest.raises(AttributeError):
        broken({}, pipelines.segmentations(SCRIPTS["one speaker throughout"], SAMPLES))
    assert torch.get_num_threads() == 2


def test_a_model_without_frame_pooling_falls_back_to_stock_with_a_logged_reason(make_stock, caplog):
    pipeline = make_stock()
    pipeline._embedding.model_ = torch.nn.Identity()
    assert engine.apply_engine(pipeline, "cpu", "exact") == "stock"
    assert "get_embeddings" not in vars(pipeline)
    assert caplog.messages[0].startswith("falling back to the stock engine: its embedding model cannot encode a chunk")


def test_a_model_with_different_pooled_embeddings_falls_back_to_stock(make_stock, caplog):
    pipeline = make_stock()
    pipeline._embedding.model_.forward_embedding = lambda frames, weights: torch.ones(2, 3, 256)
    assert engine.apply_engine(pipeline, "cpu", "exact") == "stock"
    assert "gives different embeddings when it encodes a chunk once" in caplog.text


def test_the_stock_engine_changes_no_method(make_stock):
    pipeline = make_stock()
    assert engine.apply_engine(pipeline, "cpu", "stock") == "stock"
    assert "get_embeddings" not in vars(pipeline)
