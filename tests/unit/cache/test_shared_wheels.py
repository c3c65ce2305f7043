"""Versions share wheels: each is stored once and deleted with the last version that refers to it."""

import itertools
import os
import shutil
from functools import partial

import pytest
from support.caches import NEW, flip, published, tree
from support.disks import written
from support.kills import killed_before_step
from support.turns import Turns
from support.wheels import WHEELS, WheelSite, carry

from diarize_runner.cache.documents.manifest import INSTALLER_NAME, MANIFEST_NAME, REQUIREMENTS_NAME, WHEELS_PAGE_NAME
from diarize_runner.cache.published.catalogue import plan_prune, prune
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.shared_files import wheel_key
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.errors import IntegrityError, StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

MARK = "wheels/pruning"
COMMON = "common-2.0-py3-none-any.whl"
LESS = {name: WHEELS[name] for name in (COMMON, "tool-3.0-py3-none-any.whl")}
OTHER = {**LESS, "other-1.0-py3-none-any.whl": b"other"}


@pytest.fixture
def site(tmp_path):
    return WheelSite(folder=tmp_path / "site")


def objects(store):
    return {path: kind for path, kind in tree(store.root).items() if kind != "folder"}


def wheels_in(store):
    return {path: kind for path, kind in objects(store).items() if path.startswith("wheels/")}


def keys_of(wheels):
    return {f"wheels/sha256/{hash_bytes(data).digest.hex}/{name}" for name, data in wheels.items()}


def require_wheels(store, version):
    """Require that the store has every wheel of a version."""
    for wheel in published(store, version).wheelhouse.wheels:
        assert hash_file(store.root / wheel_key(wheel)) == wheel.content, wheel.name


def require_all_wheels(store):
    for version in published_versions(store):
        require_wheels(store, version)


class TestPublish:
    def test_wheels_are_stored_by_digest_and_a_version_has_its_page_and_both_requirements(self, site):
        site.publish("1.0")

        assert set(wheels_in(site.store)) == keys_of(WHEELS)
        require_wheels(site.store, "1.0")
        built, stored = tree(site.built("1.0")), objects(site.store)
        for name in (WHEELS_PAGE_NAME, INSTALLER_NAME, REQUIREMENTS_NAME, MANIFEST_NAME):
            assert stored[f"v1.0/{name}"] == built[name]

    def test_an_existing_wheel_is_not_written_again(self, site):
        site.publish("1.0", wheels=LESS)
        before = written(site.store.root / path for path in wheels_in(site.store))

        site.publish("1.1", NEW)
        site.publish_built("1.1")

        assert set(wheels_in(site.store)) == keys_of(WHEELS)
        assert written(before) == before

    def test_a_wheel_of_another_size_is_refused_and_the_version_is_not_published(self, site):
        site.publish("1.0", wheels=LESS)
        (key,) = keys_of({COMMON: WHEELS[COMMON]})
        (site.store.root / key).write_bytes(b"cut short")
        site.build("1.1", NEW)

        with pytest.raises(IntegrityError) as refusal:
            site.publish_built("1.1")

        assert refusal.value.message == f"{site.store.url}: {key} differs in size from the one to publish"
        assert refusal.value.hint == "delete it from the store, then publish again: it was changed or truncated"
        assert list(published_versions(site.store)) == ["1.0"]
        (site.store.root / key).unlink()
        site.publish_built("1.1")
        require_wheels(site.store, "1.1")

    @pytest.mark.parametrize("name", [f"wheels/{COMMON}", WHEELS_PAGE_NAME, INSTALLER_NAME])
    def test_a_build_with_changed_wheels_is_never_published(self, name, site):
        site.build("1.0")
        flip(site.built("1.0") / name, 10)

        with pytest.raises(IntegrityError, match=f"{name} is missing or differs from the manifest$"):
            site.publish_built("1.0")

        assert not site.store.root.exists()

    def test_a_build_with_a_wrong_page_is_never_published(self, site):
        other = build_with_wrong_page(site)

        with pytest.raises(IntegrityError, match=r"wheels.html was changed after the build$"):
            publish(other, site.store, NoProgress())

        assert not site.store.root.exists()

    @pytest.mark.long
    def test_a_publish_killed_at_any_step_shows_no_version_without_wheels_and_the_next_finishes_it(self, site):
        site.publish("1.0", wheels=LESS)
        site.build("1.1", NEW)
        shutil.copytree(site.store.root, site.folder / "before")
        site.publish_built("1.1")
        finished_store = objects(site.store)

        for step in itertools.count(1):
            shutil.rmtree(site.store.root)
            shutil.copytree(site.folder / "before", site.store.root)
            was_killed = killed_before_step(step, partial(site.publish_built, "1.1"))
            require_all_wheels(site.store)
            site.publish_built("1.1")
            assert objects(site.store) == finished_store
            if not was_killed:
                break

        assert step > 30


def build_with_wrong_page(site):
    """Build a version whose page and manifest list different wheels, with correct digests."""
    site.build("1.0", wheels=LESS)
    built = site.built("1.0")
    page = (built / WHEELS_PAGE_NAME).read_bytes()
    shutil.rmtree(built / "wheels")
    carry(built, {})
    manifest = (built / MANIFEST_NAME).read_text()
    empty = hash_bytes((built / WHEELS_PAGE_NAME).read_bytes())
    (built / WHEELS_PAGE_NAME).write_bytes(page)
    manifest = manifest.replace(str(empty.digest), str(hash_bytes(page).digest))
    manifest = manifest.replace(f'"size": {empty.size}', f'"size": {len(page)}')
    (built / MANIFEST_NAME).write_text(manifest)
    return built


class TestPrune:
    def test_it_deletes_unreferenced_wheels_and_returns_them(self, site):
        site.publish("1.0")
        site.publish("1.1", wheels=LESS)
        site.publish("1.2", wheels=OTHER)
        before = objects(site.store)
        orphans = tuple(sorted(keys_of(WHEELS) - keys_of(LESS)))

        plan = plan_prune(site.store, 1)

        assert (plan.remove, plan.shared) == (("1.0",), orphans)
        assert objects(site.store) == before
        assert prune(site.store, plan) == plan
        assert set(wheels_in(site.store)) == keys_of(OTHER)
        require_all_wheels(site.store)
        assert plan_prune(site.store, 1).shared == ()

    def test_versions_without_wheels_are_pruned(self, site):
        site.publish("1.0", wheels={})
        (site.store.root / "v1.0" / WHEELS_PAGE_NAME).unlink()

        assert plan_prune(site.store, 1).shared == ()
        prune(site.store, plan_prune(site.store, 1))
        assert not (site.store.root / "wheels").exists()

    def test_it_keeps_other_objects(self, site):
        site.publish("1.0", wheels=LESS)
        for name in (
            "README",
            "sha256/notes.whl",
            "sha256/" + "0" * 64 + "/notes.txt",
            "sha256/" + "0" * 64 + "/a/b.whl",
        ):
            path = site.store.root / "wheels" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")

        assert plan_prune(site.store, 1).shared == ()

    def test_it_keeps_the_wheels_of_a_killed_publish(self, site):
        site.publish("1.0", wheels=LESS)
        site.publish("1.1", wheels=OTHER)
        (site.store.root / "v1.1" / MANIFEST_NAME).unlink()

        assert plan_prune(site.store, 1).shared == ()

    def test_a_killed_prune_can_be_finished_by_another(self, site):
        site.publish("1.0")
        site.publish("1.1", wheels=LESS)
        site.publish("1.2", wheels=OTHER)
        shutil.copytree(site.store.root, site.folder / "before")
        plan = plan_prune(site.store, 1)
        prune(site.store, plan)
        finished_wheels = wheels_in(site.store)

        for step in itertools.count(1):
            shutil.rmtree(site.store.root)
            shutil.copytree(site.folder / "before", site.store.root)
            was_killed = killed_before_step(step, partial(prune, site.store, plan))
            require_all_wheels(site.store)
            prune(site.store, plan_prune(site.store, 1))
            assert MARK not in objects(site.store)
            prune(site.store, plan)
            assert wheels_in(site.store) == finished_wheels
            if not was_killed:
                break

        assert step > 12


class TestConcurrentPruneAndPublish:
    """1.0 is pruned but its wheels remain; 1.1 is published with some of them while another prune runs."""

    @pytest.fixture
    def site(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "fsync", lambda _: None)
        site = WheelSite(folder=tmp_path / "site")
        site.publish("1.0", wheels={**LESS, "old-1.0-py3-none-any.whl": b"old"})
        site.publish("1.1", wheels={})
        shutil.rmtree(site.store.root / "v1.0")
        site.build("1.2", NEW, wheels=OTHER)
        return site

    def play(self, site, moves):
        """Run both in turns on a fresh copy of the store; return the copy and the errors."""
        store, turns, plan = LocalStore(site.folder / "played"), Turns(), plan_prune(site.store, 1)
        shutil.rmtree(store.root, ignore_errors=True)
        shutil.copytree(site.store.root, store.root)
        for_publish, for_prune = (turns.store(party, store) for party in ("publish", "prune"))
        works = {
            "publish": lambda: publish(site.built("1.2"), for_publish, NoProgress()),
            "prune": lambda: prune(for_prune, plan),
        }
        return store, turns.play(works, moves)

    @pytest.mark.parametrize(("first", "second"), [("publish", "prune"), ("prune", "publish")])
    def test_the_prune_keeps_the_wheels_of_the_publish_for_every_order_of_steps(self, first, second, site):
        steps, refusals = {"publish": 10, "prune": 9}, 0

        for before, between in itertools.product(range(steps[first]), range(1, steps[second])):
            store, raised = self.play(site, [(first, before), (second, between)])
            assert raised["prune"] is None
            assert MARK not in objects(store)
            require_all_wheels(store)
            if raised["publish"]:
                refusals += 1
                assert type(raised["publish"]) is StoreError
                assert raised["publish"].message == f"{store.url}: a prune is deleting wheels or images"
                publish(site.built("1.2"), store, NoProgress())
            require_wheels(store, "1.2")

        assert 0 < refusals < 80

    def test_the_mark_of_a_killed_prune_stops_a_publish_until_the_next_prune(self, site):
        (site.store.root / MARK).write_text("killed")

        with pytest.raises(StoreError) as refusal:
            site.publish_built("1.2")

        assert refusal.value.hint.endswith("if it was killed, first run: diarize-runner cache prune")
        assert "1.2" not in published_versions(site.store)
        prune(site.store, plan_prune(site.store, 1))
        site.publish_built("1.2")
        require_wheels(site.store, "1.2")
