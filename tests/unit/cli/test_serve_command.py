"""`diarize-runner serve`: what it refuses before it serves, and what its options set."""

from pathlib import Path

import pytest

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.service import server

VARIABLES = ("API_WORKERS", "BATCH_SIZE", "DEVICE", "MAX_CONCURRENT_JOBS", "WHISPER_MODEL")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served(monkeypatch):
    """Return the settings that the command would serve with."""
    settings = []
    monkeypatch.setattr(server, "serve", lambda given, *_: settings.append(given))
    return settings


def test_a_cache_that_does_not_verify_is_not_served(run, box, tmp_path):
    root = find_cache(box)
    blob = next(path for path in root.rglob("blobs/*") if path.is_file())
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    ran = run("serve", "--cache", box, "--folder", tmp_path / "service")

    blob.write_bytes(data)
    assert ran.exit_code == 3
    assert "hint: " in ran.stderr
    assert not (tmp_path / "service").exists()


def test_an_address_that_other_machines_reach_needs_keys(run, box, tmp_path):
    ran = run("serve", "--cache", box, "--folder", tmp_path / "service", "--host", "0.0.0.0")
    assert ran.exit_code == 2
    assert "other machines reach 0.0.0.0" in ran.stderr
    assert "service-key add" in ran.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http", "\uff18\uff10"])
def test_a_port_is_a_number(run, port):
    ran = run("serve", f"--port={port}")
    assert ran.exit_code == 2
    assert "is not a port: 0 to 65535" in ran.stderr


@pytest.mark.parametrize(("content", "words"), [(None, "cannot read the voices"), (b"", "is empty"), (b"{}", "format")])
def test_a_file_of_voices_that_cannot_be_used_is_refused_before_anything_is_made(run, box, tmp_path, content, words):
    voices = tmp_path / "voices.json"
    if content is not None:
        voices.touch(0o600)
        voices.write_bytes(content)
    ran = run("serve", "--cache", box, "--folder", tmp_path / "service", "--voices", voices)
    assert ran.exit_code in (1, 2)
    assert words in ran.stderr
    assert "voices enroll" in ran.stderr
    assert not (tmp_path / "service").exists()


@pytest.mark.parametrize("threshold", ["0", "1.1", "nan", "high"])
def test_a_threshold_is_a_cosine(run, threshold):
    ran = run("serve", "--voice-threshold", threshold)
    assert ran.exit_code == 2
    assert "is not a number above 0, at most 1" in ran.stderr


def test_options_win_over_the_environment(run, served, monkeypatch):
    monkeypatch.setenv("DEVICE", "cuda")
    monkeypatch.setenv("BATCH_SIZE", "16")
    monkeypatch.setenv("DIARIZE_RUNNER_VOICE_THRESHOLD", "0.7")
    files = ("--keys", "keys.json", "--webhooks", "webhooks.json", "--voices", "voices.json")
    assert run("serve", "--device", "cpu", "--max-audio-hours", "2", *files).exit_code == 0
    (settings,) = served
    assert (settings.models.device, settings.models.batch_size) == ("cpu", 16)
    assert settings.limits.max_audio_seconds == 7200
    assert (settings.key_file, settings.webhook_file) == (Path("keys.json"), Path("webhooks.json"))
    assert (settings.voice_file, settings.voice_threshold) == (Path("voices.json"), 0.7)


def test_the_database_address_is_no_option(run, served):
    """It can hold a password, and every user of a machine sees the arguments of commands."""
    assert not any("database" in text for text in run("serve", "--help").stdout.split() if text.startswith("--"))
