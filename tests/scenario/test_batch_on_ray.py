"""A batch on a Ray cluster of this machine: nodes die and join, drivers die and start again, and nothing is lost."""

from collections import Counter

import pytest
from support.caches import Site
from support.ray_batches import SCRIPTED, RayBatch
from support.ray_cluster import local_ray
from support.ray_ports import listening_ports, refuses_strangers
from support.service_process import until

pytestmark = [pytest.mark.scenario, pytest.mark.longest]

FEW_TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "2"}
"""Without it, Ray tries for 20 s to connect."""


@pytest.fixture(scope="module")
def cluster():
    with local_ray(PYTHONPATH=SCRIPTED) as running:
        yield running


@pytest.fixture(scope="module")
def node(cluster):
    """A node with one CPU, which no test kills."""
    return cluster.add_node()


@pytest.fixture(scope="module")
def tiny_cache(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("tiny"))
    site.publish()
    site.restore()
    return site.box.root


@pytest.fixture
def batch_of(cluster, tmp_path, tiny_cache):
    """Return a function that makes a batch of so many recordings."""
    return lambda recordings, seconds=0.5: RayBatch(cluster, tmp_path, tiny_cache, recordings, seconds)


def wait_for(batch, recordings, driver):
    """Wait until so many recordings were begun."""
    until(lambda: len(batch.begun) >= recordings or not driver.is_running, "nothing happens", 60)
    assert driver.is_running, driver.text


def test_each_recording_has_one_result_though_a_node_and_the_driver_die(cluster, node, batch_of):
    batch = batch_of(12)
    expected = batch.run_here()
    dying = cluster.add_node()
    driver = batch.drive()

    wait_for(batch, 3, driver)
    dying.kill()
    wait_for(batch, 6, driver)
    driver.kill()
    joining = cluster.add_node()
    driver = batch.drive()
    code = driver.wait()
    joining.kill()

    assert code == 0, driver.text
    assert batch.results() == expected
    assert set(batch.begun) == set(batch.names)
    begun_again = sum(times - 1 for times in batch.begun.values())
    assert begun_again <= 3, "the one of the node that died, and those of both nodes when the driver died"


def test_gpus_that_join_later_get_one_process_each_which_keeps_its_models(cluster, batch_of):
    batch = batch_of(8, seconds=0.1)
    driver = batch.drive("--device", "cuda")
    driver.wait_for("no node of the cluster takes recordings: waiting for one")

    joining = cluster.add_node("--num-cpus=0", "--num-gpus=2")
    code = driver.wait()
    joining.kill()

    assert code == 0, driver.text
    assert sorted(batch.loads) == ["0", "1"]
    assert len(batch.results()) == 8


def test_the_recordings_of_a_node_that_cannot_work_go_to_others(cluster, node, batch_of):
    batch = batch_of(6)
    broken = cluster.add_node(SCRIPTED_FULL="1")
    driver = batch.drive()
    code = driver.wait()
    broken.kill()
    assert code == 0, driver.text
    assert "gets no more recordings: the disk is full" in driver.text
    assert batch.begun == Counter(batch.names)


@pytest.mark.parametrize("stop", ["interrupt", "terminate"])
def test_a_driver_that_is_stopped_says_so_and_frees_the_nodes(node, batch_of, stop):
    batch = batch_of(8, seconds=600)
    driver = batch.drive()
    wait_for(batch, 1, driver)
    assert node.has_descendant("ray::run_chunk")

    assert getattr(driver, stop)() == 130
    assert "interrupted: 0 done" in driver.text
    until(lambda: not node.has_descendant("ray::run_chunk"), "the node still works on it", 60)


def test_every_port_of_the_cluster_requires_the_token(cluster, node, batch_of):
    batch = batch_of(2, seconds=600)
    driver = batch.drive()
    wait_for(batch, 1, driver)
    host = cluster.address.rpartition(":")[0]
    ports = sorted({port for process in cluster.processes() for port in listening_ports(process)})
    assert int(cluster.address.rpartition(":")[2]) in ports
    assert len(ports) >= 6, "those of the head, of two raylets and of their agents"
    assert [port for port in ports if not refuses_strangers(host, port)] == []
    driver.kill()


def test_no_part_of_the_cluster_sends_statistics(cluster, node):
    assert "Usage stats collection is disabled." in cluster.head.text


def test_a_driver_without_the_token_is_refused(batch_of, tmp_path):
    (tmp_path / "other").write_text("0" * 64)
    driver = batch_of(1).drive(RAY_AUTH_TOKEN_PATH=str(tmp_path / "other"), **FEW_TRIES)
    assert driver.wait() == 1
    assert "error: no connection to the Ray cluster" in driver.text
    assert "InvalidAuthToken" in driver.text


def test_a_driver_cannot_turn_authentication_off(batch_of):
    driver = batch_of(1).drive(RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN_PATH=None, **FEW_TRIES)
    assert driver.wait() == 1
    assert "error: no connection to the Ray cluster" in driver.text
