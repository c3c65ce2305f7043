"""The work that a T4 projection takes from torch: compared with the report, and counted again.

Segmentation is not counted again: torch runs each of 589 frames of four LSTM layers as kernels, which takes a minute.
"""

import json
from dataclasses import asdict

import pytest
import torch
from pyannote.audio.models.embedding import WeSpeakerResNet34
from support.pipelines import as_if_trained
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu import cpu_stages, work
from benchmarks.gpu.wheels import ROOT
from diarize_runner.benchmark import t4
from diarize_runner.benchmark.projection import CHUNKS_PER_HOUR, OPERATIONS_PER_CHUNK

COUNTED = json.loads((ROOT / "docs/benchmarks/work-2026-11-29.json").read_text())
"""Per hour."""


@pytest.fixture(scope="module")
def wespeaker():
    """WeSpeaker's ResNet34 in its real size."""
    model = WeSpeakerResNet34().eval()
    as_if_trained(model)
    return model


@pytest.mark.parametrize(
    ("name", "constant"),
    [
        ("network_of_fast", t4.NETWORK_OF_FAST),
        ("features_of_fast", t4.FEATURES_OF_FAST),
        ("pooling_of_fast", t4.POOLING_OF_FAST),
        ("segmentation", t4.SEGMENTATION),
    ],
)
def test_the_projection_takes_the_counted_work(name, constant):
    assert asdict(constant) == pytest.approx(COUNTED[name], rel=2e-3)


def test_the_projection_takes_the_measured_cpu_time():
    report = json.loads((ROOT / "docs/benchmarks/cpu-stages-2026-11-29.json").read_text())
    hour = report["cpu_seconds_by_duration"]["3600"]
    taken = (t4.COUNTING_SECONDS, t4.CLUSTERING_SECONDS, t4.RECONSTRUCTION_SECONDS)
    assert taken == pytest.approx((hour["counting"], hour["clustering"], hour["reconstruction"]), abs=5e-3)


def test_synthetic_turns_have_up_to_three_voices_in_a_chunk():
    segmentations, embeddings = cpu_stages.synthesise(60)
    assert segmentations.data.shape == (51, 589, 3)
    assert embeddings.shape == (51, 3, 256)
    assert segmentations.data.any(axis=(1, 2)).all()
    assert (embeddings.any(axis=2) == segmentations.data.any(axis=1)).all()


def test_a_chunk_of_the_exact_engine_has_the_counted_operations():
    assert pytest.approx(COUNTED["network_of_exact"]["operations"], rel=1e-3) == CHUNKS_PER_HOUR * OPERATIONS_PER_CHUNK


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("network_of_exact", lambda model: work.network(model, 32, 10.0, 3591 / 32)),
        ("network_of_fast", lambda model: work.network(model, 32, 10.0, 360 / 32)),
        ("features_of_fast", lambda model: work.features(model, 10.0, 360)),
        ("pooling_of_fast", work.pooling),
    ],
)
def test_the_embedding_is_counted_as_in_the_report(name, count, wespeaker):
    assert asdict(count(wespeaker)) == pytest.approx(COUNTED[name])


def test_operations_are_those_of_torchs_counter():
    layers = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 5), torch.nn.ReLU(), torch.nn.Linear(96, 7))
    sound = torch.zeros(2, 1, 100)
    with FlopCounterMode(display=False) as counter:
        layers(sound)
    assert work.work(lambda: layers(sound), 3).operations == 3 * counter.get_total_flops() > 0


def test_bytes_are_those_of_inputs_and_outputs():
    numbers = torch.zeros(1000)
    found = work.work(lambda: (numbers + 1).view(10, 100), 1)
    assert (found.bytes, found.kernels, found.operations) == (2 * 4 * 1000, 1, 0), "a view moves no bytes"


def test_the_least_time_is_that_of_the_bound_of_each_kernel():
    matrix = torch.zeros(1000, 1000)
    product, addition = work.work(lambda: matrix @ matrix, 1), work.work(lambda: matrix + 1, 1)
    assert product.t4_seconds == pytest.approx(2e9 / 8.1e12)
    assert addition.t4_seconds == pytest.approx(8e6 / 320e9)


def test_an_lstm_is_one_kernel_without_its_state():
    lstm = torch.nn.LSTM(8, 16, num_layers=2, batch_first=True, device="meta")
    frames = torch.zeros(1, 50, 8, device="meta")
    found = work.work(lambda: lstm(frames), 1, [lstm])
    weights = sum(each.numel() for each in lstm.parameters())
    assert found.kernels == 1
    assert found.bytes == 4 * (50 * 8 + weights + 3 * 50 * 16)
    assert found.operations == 2 * 50 * (64 * 8 + 64 * 16 + 64 * 16 + 64 * 16)
