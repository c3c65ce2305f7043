"""A box switches to another version on its disk, verified and without the store."""

import shutil
from functools import partial

import pytest
from support.caches import NEW, OLD, flip, tree
from support.kills import killed_before_step

from diarize_runner.cache.box.switch import find_version, switch
from diarize_runner.errors import IntegrityError, ManifestError
from diarize_runner.progress import NoProgress


@pytest.fixture
def versions(site):
    """The digests of two versions; the second is current, and the store is deleted."""
    digests = []
    for version, repos in (("1.0", OLD), ("2.0", NEW)):
        site.publish(version, repos)
        digests.append(site.restore(version).cache.manifest.digest)
    shutil.rmtree(site.store.root)
    return digests


def in_use(site):
    return site.box.current.resolve().name


def test_a_switch_uses_the_previous_version_and_a_second_switch_returns(versions, site):
    old, new = versions
    assert switch(site.box, None, NoProgress()).cache.manifest.version == "1.0"
    assert in_use(site) == old.hex
    assert switch(site.box, None, NoProgress()).changed
    assert in_use(site) == new.hex


def test_switching_twice_to_the_same_digest_changes_nothing(versions, site):
    old, _ = versions
    assert switch(site.box, old, NoProgress()).changed
    after = tree(site.box.root)
    assert not switch(site.box, old, NoProgress()).changed
    assert tree(site.box.root) == after


def test_a_damaged_version_is_refused_and_nothing_changes(versions, site):
    old, new = versions
    config = next(site.box.version_folder(old).glob("huggingface/hub/*/snapshots/*/config.yaml"))
    flip(config.resolve(), 0)
    before = tree(site.box.root)
    with pytest.raises(IntegrityError):
        switch(site.box, None, NoProgress())
    assert tree(site.box.root) == before
    assert in_use(site) == new.hex


def test_a_switch_without_a_previous_version_is_an_error(site):
    site.publish("1.0")
    site.restore("1.0")
    with pytest.raises(ManifestError, match="has no previous version"):
        switch(site.box, None, NoProgress())


def test_a_killed_switch_leaves_one_of_the_two_versions_in_use(versions, site):
    old, new = versions
    for step in range(1, 20):
        if not killed_before_step(step, partial(switch, site.box, old, NoProgress())):
            break
        assert in_use(site) in (old.hex, new.hex), step
    else:
        pytest.fail("the switch took 20 steps or more")
    assert in_use(site) == old.hex
    assert sorted(path.name for path in site.box.root.iterdir()) == ["current", "previous", "versions"]


def test_a_version_is_found_by_its_name_beside_a_damaged_one(versions, site):
    old, new = versions
    (site.box.version_folder(new) / "manifest.json").write_text("{")
    assert find_version(site.box, "1.0") == old
    with pytest.raises(ManifestError, match=r"has no version 2\.0") as error:
        find_version(site.box, "2.0")
    assert error.value.hint.startswith("the versions there: 1.0; ")


def test_two_versions_of_one_name_are_told_apart_by_their_digests(site):
    digests = []
    for repos in (OLD, NEW):
        shutil.rmtree(site.store.root, ignore_errors=True)
        shutil.rmtree(site.built("1.0"), ignore_errors=True)
        site.publish("1.0", repos)
        shutil.rmtree(site.box.root / "serial", ignore_errors=True)
        digests.append(site.restore("1.0").cache.manifest.digest)
    with pytest.raises(ManifestError, match=r"has 2 versions 1\.0") as error:
        find_version(site.box, "1.0")
    assert all(str(digest) in error.value.hint for digest in digests)
