"""What the controller keeps of the stores that it fetches from, for whole fleets of boxes."""

from dataclasses import replace

import pytest
from support.hosts import play_on

pytestmark = pytest.mark.hosts


def test_two_stores_that_name_their_versions_alike_are_not_mixed_up(host, shelf):
    """The second has another toolkit under the same name, and a latest that is older than the first one's."""
    other = replace(shelf, folder=shelf.folder / "other")
    shelf.publish("0.9", "echo old: $(cat)")
    shelf.publish("1.0", "echo one: $(cat)")
    other.publish("1.0", "echo other: $(cat)", release="other")
    for store in (shelf, other):
        told = {**store.variables, "toolkit_controller_folder": str(shelf.folder / "controller")}
        play_on([host], "provision.yml", "--check", **told).succeeded()

    of_each = [path.read_bytes() for path in (shelf.folder / "controller").rglob("diarize_runner-*.whl")]

    assert len(set(of_each)) == 2
