"""`cache tidy`, as Ansible and people call it."""

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
    tidy = ("cache", "tidy", "--into", box)
    gone = {"changed": True, "remove": [f"sha256:{OLD}"], "bytes_freed": 1_500_000}

    assert run(*tidy, "--plan", "--json").document == gone
    assert f"would remove old versions, 1.5 MB of disk\n  sha256:{OLD}" in run(*tidy, "--plan").stderr
    assert old.exists()
    assert run(*tidy, "--json").document == gone
    assert not old.exists()
    assert run(*tidy, "--json").document == {"changed": False, "remove": [], "bytes_freed": 0}
    assert "no old versions, unchanged" in run(*tidy).stderr


def test_a_plan_foresees_what_another_version_drives_out(run, box, old):
    coming = f"sha256:{'f' * 64}"
    (box / "previous").symlink_to(f"versions/{OLD}")
    assert run("cache", "tidy", "--into", box, "--plan", "--json").document["changed"] is False
    planned = run("cache", "tidy", "--into", box, "--plan", "--after", coming, "--json").document
    assert planned["remove"] == [f"sha256:{OLD}"]


def test_a_plan_for_a_box_that_is_still_to_be_made_is_empty(run, tmp_path):
    planned = run("cache", "tidy", "--into", tmp_path / "none", "--plan", "--after", f"sha256:{OLD}", "--json").document
    assert planned["changed"] is False
    assert not (tmp_path / "none").exists()


def test_a_box_without_a_version_in_use_says_how_to_get_one(run, box):
    shutil.rmtree(box)
    refused = run("cache", "tidy", "--into", box)
    assert refused.exit_code == 1
    assert "has no version in use\nhint: restore one first" in refused.stderr
    assert not box.exists()


def test_to_foresee_is_for_plans_alone(run, box):
    refused = run("cache", "tidy", "--into", box, "--after", f"sha256:{OLD}")
    assert refused.exit_code == 2
    assert "error: --after goes with --plan\nhint: " in refused.stderr
