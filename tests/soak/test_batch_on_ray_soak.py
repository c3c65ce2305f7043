"""Nodes and drivers that die at random moments lose no recording, and write no result twice."""

import random
import time

from support.caches import Site
from support.ray_batches import SCRIPTED, RayBatch
from support.ray_cluster import local_ray

RECORDINGS, RUNS = 200, 10
SECONDS = 0.05
"""How long the scripted models take for one."""
_LONGEST_PAUSE, _LONGEST_RUN = 20.0, 1200.0


def test_random_deaths_lose_no_recording(tmp_path):
    site, chance = Site(folder=tmp_path / "tiny"), random.Random(21)
    site.publish()
    site.restore()
    begun_again, drivers = [], 0
    with local_ray(PYTHONPATH=SCRIPTED) as cluster:
        for run in range(RUNS):
            (tmp_path / str(run)).mkdir()
            batch = RayBatch(cluster, tmp_path / str(run), site.box.root, RECORDINGS, SECONDS)
            drivers += _run_with_deaths(cluster, batch, chance)
            assert set(batch.begun) == set(batch.names)
            assert len(batch.results()) == RECORDINGS
            begun_again.append(sum(times - 1 for times in batch.begun.values()))
            if run == 0:
                assert batch.results() == batch.run_here()
    print(f"soak: batch on Ray: {RUNS} runs, {drivers} drivers, begun again: {begun_again}")  # noqa: T201


def _run_with_deaths(cluster, batch, chance):
    """Run a batch to its end. Once, kill one of two nodes and add another; half of the time, kill the driver, too.

    Return the number of drivers.
    """
    nodes = [cluster.add_node(), cluster.add_node()]
    driver, drivers = batch.drive(), 1
    time.sleep(chance.uniform(2, _LONGEST_PAUSE))
    nodes.pop(chance.randrange(2)).kill()
    nodes.append(cluster.add_node())
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, _LONGEST_PAUSE))
        driver.kill()
        driver, drivers = batch.drive(), 2
    code = driver.wait(_LONGEST_RUN)
    for node in nodes:
        node.kill()
    assert code == 0, driver.text
    return drivers
