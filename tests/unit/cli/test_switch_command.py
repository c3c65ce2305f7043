"""`cache switch`, as Ansible and people call it."""

import json


def test_a_switch_to_what_is_in_use_changes_nothing_and_says_so(run, store, box):
    manifest = run("cache", "restore", "--store", store, "--into", box, "--json").document["manifest"]
    switched = run("cache", "switch", "--into", box, "--to", manifest, "--json").document
    assert (switched["changed"], switched["version"], switched["manifest"]) == (False, "1.0", manifest)
    assert "tiny 1.0 is in use, unchanged" in run("cache", "switch", "--into", box, "--to", manifest).stderr


def test_a_digest_that_is_none_is_bad_usage(run, box):
    refused = run("cache", "switch", "--into", box, "--to", "md5:1")
    assert refused.exit_code == 2
    assert "error: --to: not a sha256 digest: 'md5:1'\nhint: " in refused.stderr


def test_a_version_as_cache_list_prints_it_is_accepted(run, store, box):
    (listed,) = run("cache", "list", "--store", store, "--json").document["versions"]
    switched = run("cache", "switch", "--into", box, "--to", listed["version"], "--json").document
    assert (switched["changed"], switched["manifest"]) == (False, listed["manifest"])


def test_a_version_that_is_not_on_the_disk_names_those_that_are(run, box):
    refused = run("cache", "switch", "--into", box, "--to", "1.2")
    assert refused.exit_code == 1
    assert f"error: {box} has no version 1.2\nhint: the versions there: 1.0; to add one: diarize" in refused.stderr


def test_a_text_that_is_no_version_is_bad_usage(run, box):
    assert run("cache", "switch", "--into", box, "--to", "previous").exit_code == 2


def test_a_box_with_one_version_says_why_it_cannot_switch_back(run, box):
    refused = run("cache", "switch", "--into", box)
    assert f"error: {box} has no previous version: only one has been restored there\nhint: restore" in refused.stderr


def test_a_version_that_is_not_on_the_disk_says_how_to_get_one(run, box):
    refused = run("cache", "switch", "--into", box, "--to", f"sha256:{'0' * 64}", "--json")
    assert refused.exit_code == 1
    assert "run: diarize-runner cache restore" in json.loads(refused.stdout)["hint"]
