"""Playbooks refuse an inventory without boxes and a missing store, with an error and a hint."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.caches import TINY, Site
from support.command import ROOT
from support.transcription import TINY_EN, whisper

PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml") if path.name != "require_boxes.yml")
HERE = f"ansible_connection=local ansible_python_interpreter={sys.executable} diarize_runner_prefix=/nowhere"
NO_BOX = "error: no box is selected: the group diarize_boxes has {} hosts"


@pytest.fixture
def play(tmp_path):
    """Run a playbook with an inventory of the given text."""

    def play(name, inventory, *arguments):
        (tmp_path / "hosts.ini").write_text(inventory)
        return ansible("ansible-playbook", f"playbooks/{name}", "-i", tmp_path / "hosts.ini", *arguments)

    return play


def ansible(command, *arguments):
    """Run a command of Ansible; return its exit code and its output."""
    line = [Path(sys.executable).with_name(command), *arguments]
    ran = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_checks_first_that_the_inventory_has_boxes(name):
    first, *_ = yaml.safe_load((ROOT / "playbooks" / name).read_text())

    assert first["ansible.builtin.import_playbook"] == "require_boxes.yml"


def test_an_inventory_without_the_group_of_boxes_is_refused(play):
    code, output = play("verify.yml", "[web]\n192.0.2.1\n")

    assert (code, NO_BOX.format(0) in output) == (2, True), output
    assert "hint: give an inventory with -i whose boxes are in the group diarize_boxes" in output


BOXES = "[diarize_boxes]\n192.0.2.1\n[web]\n192.0.2.2\n"


@pytest.mark.parametrize(("inventory", "limit", "boxes"), [("", "all", 0), (BOXES, "web", 1)])
def test_an_inventory_or_a_limit_that_selects_no_box_is_refused(inventory, limit, boxes, play):
    code, output = play("verify.yml", inventory, *(["--limit", limit] if limit != "all" else []))

    assert (code, NO_BOX.format(boxes) in output) == (2, True), output


def test_a_limit_that_selects_a_box_is_accepted(play):
    code, output = play("verify.yml", BOXES.replace("192.0.2.1", f"box {HERE}"), "--limit", "box")

    assert (code, "error: no box is selected" in output) == (2, False), output
    assert "/nowhere/opt/diarize-runner/current does not exist: run playbooks/provision.yml first" in " ".join(
        output.split()
    )


@pytest.mark.parametrize(("name", "store"), [("provision.yml", ""), ("refresh_cache.yml", "models")])
def test_a_missing_store_is_named_by_the_variable_that_the_documents_name(name, store, play):
    arguments = ["-e", f"diarize_runner_store={store}"] if store else []
    code, output = play(name, f"[diarize_boxes]\nlocalhost {HERE}\n", *arguments)

    assert code == 2, output
    assert f"error: diarize_runner_store is '{store}', which is not a store address" in output
    assert "hint: give -e diarize_runner_store=STORE" in output


def test_a_box_that_has_had_one_release_says_why_it_cannot_switch_back(play, tmp_path):
    home = tmp_path / "box/opt/diarize-runner"
    (home / "releases/first").mkdir(parents=True)
    (home / "current").symlink_to("releases/first")

    code, output = play("switch_back.yml", f"[diarize_boxes]\nbox {HERE.replace('/nowhere', str(tmp_path / 'box'))}\n")

    assert code == 2, output
    assert f"error: {home} has no release before the current one, because only one has been installed" in output
    assert "hint: to install an older one, run playbooks/provision.yml -e diarize_runner_version=VERSION" in output


@pytest.fixture
def transcribing(tmp_path):
    """Return a function that publishes `models`; it returns the arguments that enable transcription for the version."""
    for name in ("requirements-installer.txt", "requirements-diarization.txt", "toolkit.whl"):
        (tmp_path / name).write_text(name)

    def publish(models):
        site = Site(folder=tmp_path / "site")
        site.publish(repos={**TINY, **models})
        variables = {
            "diarize_runner_transcription_enabled": "true",
            "diarize_runner_store": site.store.root.as_uri(),
            "diarize_runner_packages": "index",
            "diarize_runner_wheel": tmp_path / "toolkit.whl",
            "diarize_runner_locks": tmp_path,
            "python_env_min_free_gib": 0,
        }
        return ["--check", *(word for name, value in variables.items() for word in ("-e", f"{name}={value}"))]

    return publish


@pytest.mark.long
def test_with_transcription_enabled_a_version_without_a_model_is_refused_before_any_change(play, transcribing):
    code, output = play("provision.yml", f"[diarize_boxes]\nlocalhost {HERE}\n", *transcribing({}))

    assert (code, "changed=0 " in output) == (2, True), output
    assert "error: version 1.0 holds no transcription model" in output
    assert "hint: build it with one of cache_manifests/whisper-*.yaml" in output


@pytest.mark.parametrize(("models", "expected"), [({TINY_EN: whisper()}, 0), ({}, 2)], ids=["a model", "control"])
def test_with_transcription_enabled_a_version_with_a_model_is_accepted(models, expected, transcribing, tmp_path):
    """Runs this check alone: all of provision.yml takes 15 s, and its refusal above shows that it has the check."""
    (tmp_path / "hosts.ini").write_text(f"[diarize_boxes]\nlocalhost {HERE}\n")
    check = ["-m", "ansible.builtin.include_role", "-a", "name=model_cache tasks_from=preflight"]
    place = ["diarize_boxes", "--playbook-dir", "playbooks", "-i", tmp_path / "hosts.ini"]
    code, output = ansible("ansible", *place, *check, *transcribing(models))

    assert (code, "holds no transcription model" in output) == (expected, expected != 0), output
