"""Files that the controller fetches from stores and keeps."""

from dataclasses import replace

import pytest
from support.hosts import run_play

pytestmark = pytest.mark.hosts


def test_two_stores_with_the_same_version_name_are_kept_apart(host, shelf):
    """The second store has a different toolkit of the same name, and its latest is older."""
    other = replace(shelf, folder=shelf.folder / "other")
    shelf.publish("0.9", "echo old: $(cat)")
    shelf.publish("1.0", "echo one: $(cat)")
    other.publish("1.0", "echo other: $(cat)", release="other")
    for store in (shelf, other):
        variables = {**store.variables, "toolkit_controller_folder": str(shelf.folder / "controller")}
        run_play([host], "provision.yml", "--check", **variables).succeeded()

    toolkits = [path.read_bytes() for path in (shelf.folder / "controller").rglob("diarize_runner-*.whl")]

    assert len(set(toolkits)) == 2
