"""The commands that make, keep and fetch wheels: what they say, and with which exit code."""

import shutil

import pytest
from support.caches import NEW, flip
from support.wheel_host import WheelHost
from support.wheels import FOR_311, WHEELS, WheelSite, use_index

from diarize_runner.cache.builder import pythons


@pytest.fixture
def site(tmp_path):
    """A site that has published version 1.0, with wheels."""
    site = WheelSite(folder=tmp_path / "site")
    site.publish("1.0")
    return site


@pytest.fixture
def fetch(run, site, tmp_path):
    """Run `cache wheels` for Python 3.11."""

    def fetch(*options):
        store = ("--store", site.store.url, "--python", "3.11")
        return run("cache", "wheels", *store, "--into", tmp_path / "into", *options)

    return fetch


def test_a_build_says_how_many_wheels_it_carries(run, tmp_path, monkeypatch):
    host = WheelHost(folder=tmp_path)
    host.prepare()
    use_index(monkeypatch, host.index)
    files = ("--requirements", host.requirements, "--installer", host.installer)
    build = ("cache", "build", tmp_path / "tiny.yaml", "--version", "1.0", "--out", host.out, *files)

    carrying = run(*build, "--with-wheels", "--python", "3.11", "--json").document
    there = host.built_wheels()
    plain = run(*build, "--json").document

    size = sum(path.stat().st_size for path in there.values())
    assert (carrying["wheels"], carrying["wheel_bytes"]) == (3, size)
    assert (plain["wheels"], plain["wheel_bytes"]) == (0, 0)
    assert plain["manifest"] != carrying["manifest"]


@pytest.mark.parametrize(
    "options",
    [["--python", "3.11"], ["--toolkit", "a.whl"], ["--with-wheels", "--python", "3.9"], ["--with-wheels", "--python"]],
    ids=" ".join,
)
def test_options_about_wheels_that_make_no_sense_are_exit_2(options, run, request_file, tmp_path):
    run("cache", "resolve", request_file)

    ran = run("cache", "build", request_file, "--version", "1.0", "--out", tmp_path / "out", *options)

    assert ran.exit_code == 2
    assert "\nhint: " in ran.stderr
    assert not (tmp_path / "out").exists()


def test_wheels_are_fetched_once_and_the_second_run_says_that_nothing_changed(fetch, site, tmp_path):
    first, second = fetch("--json").document, fetch("--json").document

    names = sorted(FOR_311)
    assert first == {
        "changed": True,
        "name": "tiny",
        "version": "1.0",
        "serial": 1,
        "manifest": first["manifest"],
        "python": "3.11",
        "bytes_moved": sum(len(WHEELS[name]) for name in names),
        "folder": str(tmp_path / "into"),
        "files": ["requirements-installer.txt", "requirements-diarization.txt", *names],
    }
    assert second == {**first, "changed": False, "bytes_moved": 0}
    assert fetch().stderr == f"{tmp_path / 'into'}: 4 wheels of tiny 1.0 for Python 3.11, unchanged\n"


def test_what_is_installed_first_can_be_fetched_alone(fetch, site):
    only = fetch("--json", "--installer-only").document["files"]
    everything = fetch("--json").document["files"]

    assert set(only) < set(everything)
    assert any(name.startswith("tool-") for name in only)


def test_an_altered_wheel_is_exit_3_and_leaves_nothing(fetch, site, tmp_path):
    flip(next(site.store.root.glob("wheels/sha256/*/common-*")), 5)

    ran = fetch("--json")

    assert (ran.exit_code, ran.document["exit_code"]) == (3, 3)
    assert ran.stderr.startswith(f"error: {site.store.url}/wheels/sha256/")
    assert "does not match the digest in its name\nhint: " in ran.stderr
    assert not (tmp_path / "into").exists()


def test_an_older_latest_is_exit_3_until_it_is_allowed(fetch, site, tmp_path):
    shutil.copy(site.store.root / "latest/manifest.json", tmp_path / "pointer")
    site.publish("1.1", NEW)
    assert fetch("--json").document["version"] == "1.1"
    shutil.copy(tmp_path / "pointer", site.store.root / "latest/manifest.json")

    assert fetch().exit_code == 3
    assert fetch("--allow-older", "--json").document["version"] == "1.0"


def test_a_signature_that_is_wanted_and_lacking_is_exit_3(fetch, run, tmp_path):
    run("cache", "keygen", tmp_path / "team")

    assert fetch("--public-key", tmp_path / "team.pub").exit_code == 3


def test_without_a_python_it_is_the_one_that_runs_and_that_must_be_one_of_ours(run, site, tmp_path, monkeypatch):
    monkeypatch.setattr(pythons, "SUPPORTED_PYTHONS", ("2.7",))

    ran = run("cache", "wheels", "--store", site.store.url, "--into", tmp_path / "into")

    assert ran.exit_code == 2
    assert ran.stderr.endswith("hint: choose another: --python 2.7\n")


def test_a_prune_lists_the_wheels_that_go(run, site):
    site.publish("1.1", wheels={})
    site.publish("1.2", wheels={})
    prune = ["cache", "prune", "--store", site.store.url, "--keep", "1"]
    keys = sorted(path.relative_to(site.store.root).as_posix() for path in site.store.root.glob("wheels/sha256/*/*"))

    plan, text = run(*prune, "--plan", "--json").document, run(*prune, "--plan")

    assert plan == {"changed": True, "keep": ["1.2", "1.1"], "remove": ["1.0"], "wheels": keys, "images": []}
    first, *listed = text.stderr.splitlines()
    assert first == f"{site.store.url}: would remove 1.0 and 5 wheels; kept 1.2, 1.1"
    assert listed == [f"  {key}" for key in keys]
    assert run(*prune, "--json").document == plan
    assert run(*prune, "--json").document == {
        "changed": False,
        "keep": ["1.2", "1.1"],
        "remove": [],
        "wheels": [],
        "images": [],
    }
    assert not list(site.store.root.glob("wheels/sha256/*/*"))
