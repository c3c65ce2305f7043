"""A box switches back to a version it has still: verified, at once, without the store."""

import shutil
from functools import partial

import pytest
from support.caches import NEW, OLD, flip, tree
from support.kills import killed_before_step

from diarize_runner.cache.box.switch import switch
from diarize_runner.errors import IntegrityError, ManifestError
from diarize_runner.progress import Silent


@pytest.fixture
def versions(site):
    """The digests of two versions, the second of which is in use; the store is gone."""
    digests = []
    for version, repos in (("1.0", OLD), ("2.0", NEW)):
        site.publish(version, repos)
        digests.append(site.restore(version).cache.manifest.digest)
    shutil.rmtree(site.store.root)
    return digests


def in_use(site):
    return site.box.current.resolve().name


def test_the_version_before_is_in_use_at_once_and_a_second_switch_comes_back(versions, site):
    old, new = versions
    assert switch(site.box, None, Silent()).cache.manifest.version == "1.0"
    assert in_use(site) == old.hex
    assert switch(site.box, None, Silent()).changed
    assert in_use(site) == new.hex


def test_a_version_is_switched_to_by_its_digest_once(versions, site):
    old, _ = versions
    assert switch(site.box, old, Silent()).changed
    after = tree(site.box.root)
    assert not switch(site.box, old, Silent()).changed
    assert tree(site.box.root) == after


def test_a_version_that_was_damaged_meanwhile_is_refused_and_nothing_changes(versions, site):
    old, new = versions
    config = next(site.box.version(old).glob("huggingface/hub/*/snapshots/*/config.yaml"))
    flip(config.resolve(), 0)
    before = tree(site.box.root)
    with pytest.raises(IntegrityError):
        switch(site.box, None, Silent())
    assert tree(site.box.root) == before
    assert in_use(site) == new.hex


def test_without_a_version_before_it_says_so(site):
    site.publish("1.0")
    site.restore("1.0")
    with pytest.raises(ManifestError, match="keeps no version before the one in use"):
        switch(site.box, None, Silent())


def test_a_switch_that_is_killed_leaves_one_of_the_two_in_use(versions, site):
    old, new = versions
    for step in range(1, 20):
        if not killed_before_step(step, partial(switch, site.box, old, Silent())):
            break
        assert in_use(site) in (old.hex, new.hex), step
    else:
        pytest.fail("it takes fewer steps than that")
    assert in_use(site) == old.hex
    assert sorted(path.name for path in site.box.root.iterdir()) == ["current", "previous", "versions"]
