"""Each work that promises to lose nothing, what lies there before it, and what must hold after a power cut.

A work is run in a process of its own, so it is a function of this module with the folder that all of it lies in.
"""

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from support.benchmarks import measurement, report
from support.caches import NEW, OLD, Site, flip, published
from support.labellers import label_all
from support.wheels import FOR_311, WHEELS, WheelSite

from diarize_runner.cache.box import find_cache, read_manifest
from diarize_runner.cache.catalogue import plan_prune, prune
from diarize_runner.cache.follower import Follower
from diarize_runner.cache.pins import Target
from diarize_runner.cache.publish import read_built
from diarize_runner.cache.published import LATEST, Wanted
from diarize_runner.cache.repair import repair
from diarize_runner.cache.switch import switch
from diarize_runner.cache.tidy import tidy
from diarize_runner.cache.verify import verify
from diarize_runner.cache.wheel_folder import WantedWheels, fetch_wheels
from diarize_runner.cli.benchmark_reports import write_reports
from diarize_runner.cli.to_file import write_output
from diarize_runner.digests import content_of_file
from diarize_runner.disk import flush, write_new
from diarize_runner.errors import ManifestError, ObjectNotFound
from diarize_runner.progress import Silent


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    prepare: Callable[[Path], None]
    run: Callable[[Path], object]
    check: Callable[[Path, bool], None]
    """Of what a cut left; and whether the work had come to its end before."""
    on: str = "box"
    """The folder that it changes."""


def site_with(*versions):
    """Have these versions in a store, each restored when it was the latest."""

    def prepare(folder, restored=versions):
        site = Site(folder=folder)
        for version in versions:
            site.publish(version, OLD if version == "1.0" else NEW)
            if version in restored:
                site.restore(version)

    return prepare


def _two_published_one_restored(folder):
    site_with("1.0", "2.0")(folder, ("1.0",))


def _damaged(folder):
    _two_published_one_restored(folder)
    for blob in find_cache(folder / "box").glob("huggingface/hub/*/blobs/*"):
        flip(blob, 1)


def _published_none_restored(folder):
    site_with("2.0")(folder, ())


def version_in_use(folder):
    """Return the version a box uses, which must be right to its last byte; None where it has none."""
    if not (folder / "box/current").is_symlink():
        return None
    root = find_cache(folder / "box")
    cache = verify(root, read_manifest(root), Silent()).require_ok()
    return cache.manifest.version


def _restored(before, folder, done):
    assert version_in_use(folder) in (("2.0",) if done else (before, "2.0"))
    assert Site(folder=folder).box.serial in ((1, 2) if done else (0, 1, 2))
    Site(folder=folder).restore()
    assert version_in_use(folder) == "2.0"


def _restored_over_damage(folder, done):
    root = find_cache(folder / "box")
    manifest = read_manifest(root)
    if verify(root, manifest, Silent()).ok or done:
        assert version_in_use(folder) == "1.0"
    Site(folder=folder).restore("1.0")
    assert version_in_use(folder) == "1.0"


def repair_in_place(folder):
    root = find_cache(folder / "box")
    repair(root, read_manifest(root), Site(folder=folder).store, Silent())


def _repaired(folder, done):
    if done:
        assert version_in_use(folder) == "1.0"
    repair_in_place(folder)
    assert version_in_use(folder) == "1.0"


def _switch(folder):
    switch(Site(folder=folder).box, None, Silent())


def _switched(folder, done):
    assert version_in_use(folder) in (("1.0",) if done else ("1.0", "2.0"))
    _switch(folder)
    assert version_in_use(folder) in ("1.0", "2.0")


def _three_restored(folder):
    site_with("1.0", "2.0", "3.0")(folder)


def _tidy(folder):
    tidy(Site(folder=folder).box)


def _tidied(folder, done):
    box = Site(folder=folder).box
    assert version_in_use(folder) == "3.0"
    for root in box.root.glob("versions/[0-9a-f]*"):
        verify(root, read_manifest(root), Silent()).require_ok()
    assert not done or len(box.restored()) == 2
    _tidy(folder)
    assert len(box.restored()) == 2


def _one_published_one_built(folder):
    site = Site(folder=folder)
    site.publish("1.0", OLD)
    site.build("2.0", NEW)


def _publish(folder):
    Site(folder=folder).publish_built("2.0")


def _store_is_whole(folder):
    store = Site(folder=folder).store
    for version in store.versions():
        for file in published(store, version).files:
            assert content_of_file(store.root / f"v{version}" / file.name) == file.content, (version, file.name)
    try:
        return published(store).version
    except ObjectNotFound:
        return None


def _was_published(before, folder, done):
    assert _store_is_whole(folder) in (("2.0",) if done else (before, "2.0"))
    _publish(folder)
    assert _store_is_whole(folder) == "2.0"


def _three_published(folder):
    site = Site(folder=folder)
    for version in ("1.0", "2.0", "3.0"):
        site.publish(version, OLD if version == "1.0" else NEW)


def _prune(folder):
    store = Site(folder=folder).store
    prune(store, plan_prune(store, 1))


def _pruned(folder, done):
    assert _store_is_whole(folder) == "3.0"
    versions = {*Site(folder=folder).store.versions()}
    assert versions in ([{"2.0", "3.0"}] if done else [{"1.0", "2.0", "3.0"}, {"2.0", "3.0"}])
    _prune(folder)
    assert {path.parent.name for path in folder.glob("store/*/*")} == {"v2.0", "v3.0", "latest"}


def _build(folder):
    Site(folder=folder).build("2.0", NEW)


def _something_else_built(folder):
    Site(folder=folder).build("2.0", OLD)


def _built(folder, done):
    try:
        read_built(folder / "built/2.0")
    except ManifestError:
        assert not done


RECORDINGS = {"call.wav": b"the sound of a call", "call.json": b"its words", "other.wav": b"another sound"}


def _recordings_dropped(folder):
    (folder / "spool/inbox").mkdir(parents=True)
    for name, data in RECORDINGS.items():
        (folder / "spool/inbox" / name).write_bytes(data)


def _label(folder):
    label_all(folder / "spool")


def _in_flight(spool):
    found = [path for path in spool.rglob("*") if path.name in RECORDINGS]
    return sorted((path.name, path.read_bytes()) for path in found)


def _labelled(folder, done):
    spool = folder / "spool"
    assert _in_flight(spool) == sorted(RECORDINGS.items())
    delivered = {place.name for place in spool.glob("outbox/*")}
    assert not done or delivered == {"call", "other"}
    for stem in delivered:
        assert (spool / f"outbox/{stem}/{stem}.labelled.json").read_bytes() == RECORDINGS[f"{stem}.wav"]
    _label(folder)
    assert _in_flight(spool) == sorted(RECORDINGS.items())
    assert (spool / "outbox/call/call.labelled.srt").read_bytes() == b"its words"
    assert (spool / "outbox/other/other.labelled.json").read_bytes() == b"another sound"


def _an_output_there(folder):
    (folder / "out").mkdir(parents=True)
    (folder / "out/call.rttm").write_bytes(b"old")


def _write(folder):
    write_output(folder / "out/call.rttm", b"new")


def _written(folder, done):
    assert (folder / "out/call.rttm").read_bytes() in ((b"new",) if done else (b"old", b"new"))


def _write_without_flushing_it(folder):
    (folder / "out/.fresh").write_bytes(b"new")
    (folder / "out/.fresh").replace(folder / "out/call.rttm")
    flush(folder / "out")


def _write_without_flushing_its_folder(folder):
    write_new(folder / "out/.fresh", b"new")
    (folder / "out/.fresh").replace(folder / "out/call.rttm")


def _write_in_a_folder_that_is_not_flushed(folder):
    (folder / "out/inner").mkdir()
    (folder / "out/call.rttm").replace(folder / "out/inner/call.rttm")
    flush(folder / "out/inner")


def _is_somewhere(folder, _done):
    assert [path.read_bytes() for path in folder.rglob("call.rttm")] == [b"old"]


CARELESS = {
    "of data": Work(prepare=_an_output_there, run=_write_without_flushing_it, check=_written, on="out"),
    "of a name": Work(prepare=_an_output_there, run=_write_without_flushing_its_folder, check=_written, on="out"),
    "of a folder's own name": Work(
        prepare=_an_output_there, run=_write_in_a_folder_that_is_not_flushed, check=_is_somewhere, on="out"
    ),
}
"""What the package must not do."""


def _wheels_published(folder):
    WheelSite(folder=folder).publish("1.0")


def fetch_all_wheels(folder):
    wanted = WantedWheels(of=Wanted(version=LATEST), target=Target(python="3.11"))
    return fetch_wheels(Site(folder=folder).store, wanted, Follower(root=folder / "wheels"), Silent())


def _fetched(folder, done):
    for wheel in (folder / "wheels").glob("*.whl"):
        assert wheel.read_bytes() == WHEELS[wheel.name]
    assert not done or {path.name for path in (folder / "wheels").glob("*.whl")} == FOR_311
    assert not (fetch_all_wheels(folder).changed and done)
    assert {path.name for path in (folder / "wheels").glob("*.whl")} == FOR_311


def _mark(folder):
    make_environment = runpy.run_path("roles/python_env/files/make_environment.py")
    (folder / "env/lib").mkdir()
    (folder / "env/lib/module.py").write_bytes(b"a module")
    make_environment["write_last"](folder / "env/.complete", "by a lock and a wheel\n")


def _no_environment(folder):
    (folder / "env").mkdir(parents=True)


def _is_made(folder, done):
    made = (folder / "env/.complete").is_file()
    assert made or not done
    assert not made or (folder / "env/lib/module.py").read_bytes() == b"a module"


def _restore(folder):
    Site(folder=folder).restore()


def _restore_the_first(folder):
    Site(folder=folder).restore("1.0")


def _report(seconds):
    return report(measurement("a", 100.0, seconds))


def _reports_there(folder):
    (folder / "out").mkdir(parents=True)
    write_reports(_report(1.0), _report_files(folder))


def _report_files(folder):
    return {
        "json": folder / "out/report.json",
        "markdown": folder / "out/report.md",
        "junit": folder / "out/report.xml",
    }


def _write_reports(folder):
    write_reports(_report(2.0), _report_files(folder))


def _reported(folder, done):
    written = (folder / "out/report.json").read_bytes()
    assert written in ([] if done else [_report(1.0).to_json()]) + [_report(2.0).to_json()]
    for path in _report_files(folder).values():
        assert path.read_bytes().endswith(b"\n"), "it is whole"


WORKS = {
    "a first restore": Work(prepare=_published_none_restored, run=_restore, check=partial(_restored, None)),
    "a restore": Work(prepare=_two_published_one_restored, run=_restore, check=partial(_restored, "1.0")),
    "a restore over a damaged version": Work(prepare=_damaged, run=_restore_the_first, check=_restored_over_damage),
    "a repair": Work(prepare=_damaged, run=repair_in_place, check=_repaired),
    "a switch": Work(prepare=site_with("1.0", "2.0"), run=_switch, check=_switched),
    "a tidying": Work(prepare=_three_restored, run=_tidy, check=_tidied),
    "a first publish": Work(prepare=_build, run=_publish, check=partial(_was_published, None), on="store"),
    "a publish": Work(prepare=_one_published_one_built, run=_publish, check=partial(_was_published, "1.0"), on="store"),
    "a prune": Work(prepare=_three_published, run=_prune, check=_pruned, on="store"),
    "a build": Work(prepare=_something_else_built, run=_build, check=_built, on="built"),
    "a spool": Work(prepare=_recordings_dropped, run=_label, check=_labelled, on="spool"),
    "wheels": Work(prepare=_wheels_published, run=fetch_all_wheels, check=_fetched, on="wheels"),
    "an environment": Work(prepare=_no_environment, run=_mark, check=_is_made, on="env"),
    "reports": Work(prepare=_reports_there, run=_write_reports, check=_reported, on="out"),
    "an output": Work(prepare=_an_output_there, run=_write, check=_written, on="out"),
}
