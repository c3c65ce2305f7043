"""The embedded models give the same bytes on a Ray cluster as in one process."""

import pytest
from support.ray_cluster import local_ray
from support.sounds import write_wav

pytestmark = [pytest.mark.scenario, pytest.mark.longest]


@pytest.fixture
def recordings(tmp_path, phone_call):
    """A folder with the first five and ten seconds of a phone call."""
    folder = tmp_path / "in"
    folder.mkdir()
    for seconds in (5, 10):
        write_wav(folder / f"{seconds}.wav", [phone_call.waveform[: seconds * 16_000]], 16_000)
    return folder


def test_a_result_does_not_depend_on_where_it_was_made(tmp_path, recordings, embedded_box):
    common = ("--cache", embedded_box, "--device", "cpu", "--formats", "rttm")
    with local_ray() as cluster:
        cluster.add_node()
        here = cluster.drive("batch", recordings, tmp_path / "here", *common)
        assert here.wait() == 0, here.text
        address = f"ray://{cluster.address}"
        there = cluster.drive("batch", recordings, tmp_path / "there", *common, "--on", address)
        assert there.wait() == 0, there.text

    results = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("results/*")}
        for folder in (tmp_path / "here", tmp_path / "there")
    ]
    assert len(results[0]) == 4
    assert results[0] == results[1]
