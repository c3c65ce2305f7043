"""`cache prune` of a box, as Ansible and people call it."""

import shutil

import pytest

OLD = "0" * 64


@pytest.fixture
def old(box):
    """A folder of 1.5 MB that an old version has on the box."""
    folder = box / "versions" / OLD
    folder.mkdir()
    (folder / "blob").write_bytes(bytes(1_500_000))
    return folder


def test_a_plan_says_what_would_go_and_what_that_frees_and_a_second_run_that_nothing_changed(run, box, old):
    prune = ("cache", "prune", "--into", box)
    gone = {"changed": True, "remove": [f"sha256:{OLD}"], "bytes_freed": 1_500_000}

    assert run(*prune, "--plan", "--json").document == gone
    assert f"would remove old versions, 1.5 MB of disk\n  sha256:{OLD}" in run(*prune, "--plan").stderr
    assert old.exists()
    assert run(*prune, "--json").document == gone
    assert not old.exists()
    assert run(*prune, "--json").document == {"changed": False, "remove": [], "bytes_freed": 0}
    assert "no old versions, unchanged" in run(*prune).stderr


def test_a_plan_foresees_what_another_version_drives_out(run, box, old):
    coming = f"sha256:{'f' * 64}"
    (box / "previous").symlink_to(f"versions/{OLD}")
    assert run("cache", "prune", "--into", box, "--plan", "--json").document["changed"] is False
    planned = run("cache", "prune", "--into", box, "--plan", "--after", coming, "--json").document
    assert planned["remove"] == [f"sha256:{OLD}"]


def test_a_plan_for_a_box_that_is_still_to_be_made_is_empty(run, tmp_path):
    prune = ("cache", "prune", "--into", tmp_path / "none")
    planned = run(*prune, "--plan", "--after", f"sha256:{OLD}", "--json").document
    assert planned["changed"] is False
    assert not (tmp_path / "none").exists()


def test_a_box_without_a_version_in_use_says_how_to_get_one(run, box):
    shutil.rmtree(box)
    refused = run("cache", "prune", "--into", box)
    assert refused.exit_code == 1
    assert "has no current version\nhint: restore one first" in refused.stderr
    assert not box.exists()


def test_to_foresee_is_for_plans_alone(run, box):
    refused = run("cache", "prune", "--into", box, "--after", f"sha256:{OLD}")
    assert refused.exit_code == 2
    assert "error: --after requires --plan\nhint: " in refused.stderr


@pytest.mark.parametrize("option", [("--keep", "1"), ("--without-conditional-writes",)])
def test_what_is_of_a_store_is_refused_of_a_box(option, run, box, old):
    refused = run("cache", "prune", "--into", box, *option)
    assert refused.exit_code == 2
    assert "error: --keep and --without-conditional-writes require --store\nhint: " in refused.stderr
    assert old.exists()


def test_what_is_of_a_box_is_refused_of_a_store(run, tmp_path):
    refused = run("cache", "prune", "--store", tmp_path.as_uri(), "--plan", "--after", f"sha256:{OLD}")
    assert refused.exit_code == 2
    assert "error: --after requires --into\nhint: " in refused.stderr


@pytest.mark.parametrize("where", [(), ("--store", "file:///store", "--into", "box")], ids=["neither", "both"])
def test_a_prune_is_of_a_store_or_of_a_box(where, run):
    assert run("cache", "prune", *where).exit_code == 2
