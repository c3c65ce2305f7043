"""The exact engine against stock: the same embeddings and the same turns, with less work and as little memory.

Both are whole pipelines of pyannote's around small networks; see tests/support/pipelines.py.
"""

import dataclasses
import weakref
from functools import cache

import numpy as np
import pytest
import torch
from support import pipelines
from support.pipelines import CHUNK, RATE, STEP

from diarize_runner.diarization import engine
from diarize_runner.diarization.exact import make_exact

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
CPU = torch.device("cpu")
WHOLE_CHUNK, WHOLE_STEP = round(CHUNK * RATE), round(STEP * RATE)

SAMPLES = 3 * RATE
SCRIPTS = {
    "one speaker throughout": {"ada": [(0.0, 3.0)]},
    "three who take turns": {"ada": [(0.0, 1.0)], "bo": [(1.0, 2.1)], "cy": [(2.1, 3.0)]},
    "all three at once": {"ada": [(0.0, 3.0)], "bo": [(0.0, 3.0)], "cy": [(0.0, 3.0)]},
    "one talks over another": {"ada": [(0.0, 2.2)], "bo": [(1.5, 3.0)]},
    "so little alone that overlaps must do": {"ada": [(0.0, 3.0)], "bo": [(1.0, 1.02), (2.0, 2.03)]},
    "words in long silence": {"ada": [(0.2, 0.4)], "bo": [(2.7, 2.9)]},
}


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Make a stock pipeline."""
    folder = tmp_path_factory.mktemp("plda")
    return lambda **how: pipelines.pipeline(folder, **how)


@pytest.fixture(scope="module")
def pair(new):
    """Make a stock pipeline and an exact one, once for each kind."""

    @cache
    def made(**how):
        exact = new(**how)
        make_exact(exact, CPU)
        return new(**how), exact

    return made


@pytest.fixture
def stock(pair):
    return pair()[0]


@pytest.fixture
def exact(pair):
    return pair()[1]


def file_of(script, samples):
    return {"waveform": pipelines.recording(script, samples)[None], "sample_rate": RATE, "uri": "talk"}


def says(pipeline, script):
    """Return what a pipeline says of a script; its segmentation network is asked nothing."""
    with pipelines.scripted(pipeline, script):
        return pipeline(file_of(script, SAMPLES))


def embeddings(pipeline, script, samples=SAMPLES, *, exclude_overlap=True):
    said = pipelines.segmentations(script, samples)
    return pipeline.get_embeddings(file_of(script, samples), said, exclude_overlap=exclude_overlap)


def assert_same(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.nanmax(np.abs(expected), initial=0))


@pytest.mark.parametrize("embedding", pipelines.EMBEDDINGS)
@pytest.mark.parametrize("exclude_overlap", [True, False])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_embeddings_are_those_of_stock(pair, script, exclude_overlap, embedding):
    stock, exact = pair(embedding=embedding)
    found, expected = (embeddings(each, script, exclude_overlap=exclude_overlap) for each in (exact, stock))
    assert_same(found, expected)


LENGTHS = {
    "a tenth of a second": RATE // 10,
    "shorter than a chunk": WHOLE_CHUNK - 1,
    "one chunk": WHOLE_CHUNK,
    "a sample more than a chunk": WHOLE_CHUNK + 1,
    "a sample less than whole steps": WHOLE_CHUNK + 5 * WHOLE_STEP - 1,
    "whole steps": WHOLE_CHUNK + 5 * WHOLE_STEP,
    "a sample more than whole steps": WHOLE_CHUNK + 5 * WHOLE_STEP + 1,
}


@pytest.mark.parametrize("samples", LENGTHS.values(), ids=LENGTHS)
def test_the_segmentation_is_that_of_stock_to_the_bit(stock, exact, samples):
    file = file_of({"ada": [(0.0, 1.2)], "cy": [(1.0, 9.0)]}, samples)
    told = []

    found = exact.get_segmentations(dict(file), hook=lambda step, _, **counts: told.append((step, counts)))

    expected = stock.get_segmentations(dict(file))
    assert found.data.dtype == expected.data.dtype
    assert np.array_equal(found.data, expected.data)
    assert vars(found.sliding_window) == vars(expected.sliding_window)
    assert told[-1] == ("segmentation", {"total": len(found), "completed": len(found)})


def test_an_lstm_hears_batches_as_long_as_those_of_stock(new):
    stock, exact = new(), new()
    make_exact(exact, CPU)
    for each in (stock, exact):
        each._segmentation.conversion = torch.nn.Identity()
    file = file_of(SCRIPTS["three who take turns"], 40 * WHOLE_STEP + WHOLE_CHUNK)

    found, expected = (each.get_segmentations(dict(file)).data for each in (exact, stock))

    assert len(np.unique(expected)) > 100, "real numbers, in which rounding would show"
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("samples", LENGTHS.values(), ids=LENGTHS)
def test_a_recording_of_any_length_has_the_turns_of_stock(stock, exact, samples):
    file = file_of({"ada": [(0.0, 1.2)], "cy": [(1.0, 9.0)]}, samples)

    found, expected = exact(dict(file)), stock(dict(file))

    assert found.speaker_diarization.to_rttm() == expected.speaker_diarization.to_rttm()
    assert found.exclusive_speaker_diarization.to_rttm() == expected.exclusive_speaker_diarization.to_rttm()
    assert expected.speaker_diarization.labels(), "the networks are so made that somebody speaks"


@pytest.mark.parametrize("clustering", pipelines.CLUSTERINGS)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_turns_are_those_of_stock(pair, script, clustering):
    expected, found = (says(each, script) for each in pair(clustering=clustering))

    assert found.speaker_diarization.to_rttm() == expected.speaker_diarization.to_rttm()
    assert_same(found.speaker_embeddings, expected.speaker_embeddings)
    assert len(expected.speaker_diarization.labels()) >= 1


def test_who_takes_turns_is_told_apart(pair):
    """Or else that turns are the same would say nothing of the embeddings."""
    script = SCRIPTS["three who take turns"]
    stock, _ = pair(clustering="AgglomerativeClustering")
    assert len(says(stock, script).speaker_diarization.labels()) == 3


def test_in_silence_nobody_speaks(exact):
    found = says(exact, {})
    assert found.speaker_diarization.to_rttm() == ""
    assert found.speaker_embeddings.shape == (0, 256)


def test_empty_slots_hold_what_stock_gives_an_empty_mask(exact, stock):
    script = SCRIPTS["words in long silence"]
    found, expected = embeddings(exact, script), embeddings(stock, script)
    empty = pipelines.segmentations(script, SAMPLES).data.sum(axis=1) == 0
    assert 0 < empty.sum() < empty.size
    assert np.array_equal(found[empty], expected[empty])
    assert not np.isnan(found).any()


class Watched:
    """A model that remembers how much it hears, and whose frames are still held."""

    def __init__(self, model) -> None:
        self._model, self.heard, self.held = model, 0, []
        self._alive, self.forward_embedding = set(), model.forward_embedding

    def forward_frames(self, waveforms):
        frames = self._model.forward_frames(waveforms)
        self._alive.add(id(frames))
        weakref.finalize(frames, self._alive.discard, id(frames))
        self.heard += len(waveforms)
        self.held.append(len(self._alive))
        return frames


def watched(exact, script, samples) -> Watched:
    """Let the exact engine hear a recording, and watch it."""
    model = Watched(exact.get_embeddings.model)
    file, said = file_of(script, samples), pipelines.segmentations(script, samples)
    dataclasses.replace(exact.get_embeddings, model=model)(file, said)
    return model


def test_a_chunk_is_heard_once_and_silence_not_at_all(exact):
    script, samples = {"ada": [(0.0, 1.0)], "bo": [(0.5, 1.0)], "cy": [(8.0, 9.0)]}, 12 * RATE
    speech = pipelines.segmentations(script, samples).data.any(axis=(1, 2))
    assert watched(exact, script, samples).heard == speech.sum() < len(speech) / 2


def test_frames_are_dropped_as_soon_as_they_are_pooled(exact):
    held = watched(exact, {"ada": [(0.0, 9.0)]}, 9 * RATE).held
    assert len(held) > 30
    assert max(held) <= 2


def test_run_after_run_and_on_any_number_of_cores_every_byte_is_the_same(new):
    script, found = SCRIPTS["one talks over another"], []
    for threads in (1, 1, 3):
        torch.set_num_threads(threads)
        exact = new()
        make_exact(exact, CPU)
        found.append(embeddings(exact, script))
        assert torch.get_num_threads() == threads
    assert all(np.array_equal(found[0], each) for each in found[1:])


def test_the_number_of_chunks_heard_at_once_changes_no_more_than_rounding(exact):
    script = SCRIPTS["one talks over another"]
    one_by_one = exact.get_embeddings
    said = pipelines.segmentations(script, SAMPLES)
    by_fours = dataclasses.replace(one_by_one, batch_size=4)
    file = file_of(script, SAMPLES)

    assert len(said) % 4, "so that the last batch is filled up"
    assert_same(by_fours(file, said), one_by_one(file, said))


def test_every_chunk_that_is_heard_is_progress(exact):
    script, told = SCRIPTS["words in long silence"], []
    said = pipelines.segmentations(script, SAMPLES)

    exact.get_embeddings(file_of(script, SAMPLES), said, hook=lambda step, _, **counts: told.append((step, counts)))

    total = said.data.any(axis=(1, 2)).sum()
    assert told == [("embeddings", {"total": total, "completed": done}) for done in range(total + 1)]


def test_workers_that_fail_leave_the_threads_as_they_were(exact):
    torch.set_num_threads(2)
    broken = dataclasses.replace(exact.get_embeddings, threads=2, audio=None)
    with pytest.raises(AttributeError):
        broken({}, pipelines.segmentations(SCRIPTS["one speaker throughout"], SAMPLES))
    assert torch.get_num_threads() == 2


def test_a_model_that_cannot_pool_one_hearing_twice_is_run_by_stock_and_the_log_says_why(new, caplog):
    pipeline = new()
    pipeline._embedding.model_ = torch.nn.Identity()
    assert engine.set_going(pipeline, "cpu", "exact") == "stock"
    assert "get_embeddings" not in vars(pipeline)
    assert caplog.messages[0].startswith("going on with pyannote's own engine: its embedding model cannot hear a chunk")


def test_a_model_that_says_something_else_when_it_hears_once_is_run_by_stock(new, caplog):
    pipeline = new()
    pipeline._embedding.model_.forward_embedding = lambda frames, weights: torch.ones(2, 3, 256)
    assert engine.set_going(pipeline, "cpu", "exact") == "stock"
    assert "says something else when it hears a chunk once" in caplog.text


def test_stock_is_left_alone(new):
    pipeline = new()
    assert engine.set_going(pipeline, "cpu", "stock") == "stock"
    assert "get_embeddings" not in vars(pipeline)
