"""Another user of the box makes the folder of a service, or what is in it, before the service does."""

import os

import pytest

pytest.importorskip("fastapi")

from support.run_main import run_main
from support.service_process import main

from diarize_runner.service import server
from diarize_runner.service.folder import ServiceFolder

NOBODY = 65534


@pytest.fixture(autouse=True)
def stopped_at_once(monkeypatch):
    """Let a server of `main` stop as soon as it would take requests."""
    monkeypatch.setattr(server.tempfile, "tempdir", None)
    monkeypatch.setattr(server, "_run", lambda *_: None)


@pytest.fixture
def folder(tmp_path):
    """Return a folder that a service made."""
    folder = ServiceFolder(path=tmp_path / "service")
    folder.create()
    (folder.path / "queue.db").touch(0o600)
    return folder.path


def start(capsys, folder):
    return run_main(capsys, main, "--folder", folder, "--port", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", ["", "jobs", "incoming", "queue.db"])
def test_a_folder_that_belongs_to_another_user_is_not_used(folder, name, capsys):
    os.chown(folder / name, NOBODY, NOBODY)
    done = start(capsys, folder)
    assert done.exit_code == 2
    assert f"{folder / name} belongs to user {NOBODY}, who could read recordings" in done.stderr
    assert "hint: use another --folder" in done.stderr


@pytest.mark.parametrize("name", ["", "jobs", "incoming"])
def test_a_folder_that_all_users_can_write_to_is_not_used(folder, name, capsys):
    (folder / name).chmod(0o777)
    done = start(capsys, folder)
    assert done.exit_code == 2
    assert f"all users can write to {folder / name}" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_link_that_another_user_planted_in_place_of_the_queue_is_not_followed(folder, tmp_path, capsys):
    (folder / "queue.db").unlink()
    (folder / "queue.db").symlink_to(tmp_path / "target")
    os.chown(folder / "queue.db", NOBODY, NOBODY, follow_symlinks=False)
    assert start(capsys, folder).exit_code == 2
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o1777])
def test_a_folder_that_other_users_cannot_change_is_used(folder, mode, capsys):
    folder.chmod(mode)
    assert start(capsys, folder).exit_code == 0
