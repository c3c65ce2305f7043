"""A batch on a Ray cluster of this machine: nodes die and join, drivers die and start again, and nothing is lost."""

from collections import Counter

import pytest
from support.caches import Site
from support.ray_batches import RayBatch
from support.ray_cluster import local_ray
from support.service_process import until

pytestmark = [pytest.mark.scenario, pytest.mark.longest]


@pytest.fixture(scope="module")
def cluster():
    with local_ray() as running:
        yield running


@pytest.fixture(scope="module")
def tiny_cache(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("tiny"))
    site.publish()
    site.restore()
    return site.box.root


@pytest.fixture
def batch_of(cluster, tmp_path, tiny_cache):
    """Return a function that makes a batch of so many recordings; its nodes end with the test."""
    batches = []

    def make(recordings, seconds=0.5):
        batches.append(RayBatch(cluster, tmp_path, tiny_cache, recordings, seconds))
        return batches[-1]

    yield make
    for batch in batches:
        batch.stop_nodes()


def wait_for(batch, recordings, driver):
    """Wait until so many recordings were begun."""
    until(lambda: len(batch.begun) >= recordings or not driver.is_running, "nothing happens", 60)
    assert driver.is_running, driver.text


def test_each_recording_has_one_result_though_a_node_and_the_driver_die(batch_of):
    batch = batch_of(12)
    expected = batch.run_here()
    first, _second = batch.add_node(), batch.add_node()
    driver = batch.drive()

    wait_for(batch, 3, driver)
    first.kill()
    wait_for(batch, 6, driver)
    driver.kill()
    batch.add_node()
    driver = batch.drive()

    assert driver.wait() == 0, driver.text
    assert batch.results() == expected
    assert set(batch.begun) == {f"call-{number:03d}" for number in range(12)}
    begun_again = sum(times - 1 for times in batch.begun.values())
    assert begun_again <= 3, "the one of the node that died, and those of both nodes when the driver died"


def test_a_cluster_without_nodes_waits_for_one(batch_of):
    batch = batch_of(2, seconds=0)
    driver = batch.drive()
    driver.wait_for("no node of the cluster takes recordings")
    batch.add_node()
    assert driver.wait() == 0, driver.text
    assert len(batch.results()) == 2


def test_the_recordings_of_a_node_that_cannot_work_go_to_others(batch_of):
    batch = batch_of(6)
    batch.add_node(SCRIPTED_FULL="1")
    batch.add_node()
    driver = batch.drive()
    assert driver.wait() == 0, driver.text
    assert "gets no more recordings: the disk is full" in driver.text
    assert batch.begun == Counter({f"call-{number:03d}": 1 for number in range(6)})


def test_each_gpu_has_one_process_which_keeps_its_models(batch_of):
    batch = batch_of(8, seconds=0.1)
    batch.add_node("--num-cpus=0", "--num-gpus=2")
    driver = batch.drive("--device", "cuda")
    assert driver.wait() == 0, driver.text
    assert sorted(batch.loads) == ["0", "1"]


@pytest.mark.parametrize("stop", ["interrupt", "terminate"])
def test_a_driver_that_is_stopped_says_so_and_frees_the_nodes(batch_of, stop):
    batch = batch_of(8, seconds=30)
    batch.add_node()
    driver = batch.drive()
    wait_for(batch, 1, driver)

    assert getattr(driver, stop)() == 130
    assert "interrupted: 0 done" in driver.text

    batch.environment["SCRIPTED_SECONDS"] = "0"
    batch.stop_nodes()
    batch.add_node()
    assert batch.drive().wait() == 0
    assert len(batch.results()) == 8


@pytest.mark.parametrize("stranger", ["no token", "another token", "authentication off"])
def test_a_driver_without_the_token_is_refused(batch_of, stranger, tmp_path):
    (tmp_path / "other").write_text("0" * 64)
    environment = {
        "no token": {"RAY_AUTH_TOKEN_PATH": None},
        "another token": {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "other")},
        "authentication off": {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": None},
    }[stranger]
    driver = batch_of(1).drive(**environment)
    assert driver.wait() == 1
    assert "error: no connection to the Ray cluster" in driver.text
