"""The settings of a service: defaults, the environment, options, and what is refused as unsafe."""

import logging
from pathlib import Path

import pytest

from diarize_runner.child import child_environment
from diarize_runner.errors import UsageError
from diarize_runner.service.environment import forget_secrets, settings_from_environment
from diarize_runner.service.settings import Limits, ModelSettings, Settings, override, require_safe

TOKEN = "hf_" + "a" * 34


def test_an_empty_environment_gives_the_defaults(monkeypatch):
    monkeypatch.delenv("DIARIZE_RUNNER_CACHE", raising=False)

    assert settings_from_environment({}) == Settings()


def test_the_defaults_are_those_of_the_documents():
    limits = Limits()

    assert (limits.max_upload_bytes, limits.max_audio_seconds) == (1024**3, 4 * 3600)
    assert (limits.max_queued_seconds, limits.max_queued_jobs, limits.share_per_key) == (24 * 3600, 10_000, 0.5)
    assert limits.requests_per_minute == 120
    assert (limits.uploads, limits.uploads_per_key, limits.sync_seconds) == (16, 8, 600)
    assert (limits.retention_seconds, limits.idle_seconds) == (24 * 3600, 300)
    assert (limits.turn_jobs, limits.max_wait_seconds) == (8, 60)


SETS = {
    "DEVICE": ("cuda", lambda settings: settings.models.device, "cuda"),
    "WHISPER_MODEL": ("large-v3", lambda settings: settings.models.transcription_model, "large-v3"),
    "BATCH_SIZE": ("16", lambda settings: settings.models.batch_size, 16),
    "DIARIZATION_MAX_BATCH_SIZE": ("4", lambda settings: settings.limits.turn_jobs, 4),
    "MAX_CONCURRENT_JOBS": ("3", lambda settings: settings.limits.uploads, 3),
    "DIARIZE_RUNNER_CACHE": ("/srv/cache", lambda settings: settings.models.cache, Path("/srv/cache")),
    "DIARIZE_RUNNER_SERVICE_KEYS": ("/etc/keys.json", lambda settings: settings.key_file, Path("/etc/keys.json")),
    "DIARIZE_RUNNER_WEBHOOKS": (
        "/etc/webhooks.json",
        lambda settings: settings.webhook_file,
        Path("/etc/webhooks.json"),
    ),
    "DIARIZE_RUNNER_VOICES": ("/etc/voices.json", lambda settings: settings.voice_file, Path("/etc/voices.json")),
    "DIARIZE_RUNNER_VOICE_THRESHOLD": ("0.7", lambda settings: settings.voice_threshold, 0.7),
    "DIARIZE_RUNNER_DATABASE_URL": ("postgresql://db", lambda settings: settings.database_url, "postgresql://db"),
}


@pytest.mark.parametrize("name", list(SETS))
def test_a_variable_sets_its_setting_and_an_empty_one_is_unset(name):
    value, read, expected = SETS[name]

    assert read(settings_from_environment({name: value})) == expected
    assert read(settings_from_environment({name: ""})) == read(settings_from_environment({}))


def test_our_own_device_wins_over_that_of_other_servers():
    environ = {"DIARIZE_RUNNER_DEVICE": "cpu", "DEVICE": "cuda"}

    assert settings_from_environment(environ).models.device == "cpu"


@pytest.mark.parametrize(("name", "value"), [("ENABLE_DIARIZATION", "true"), ("API_WORKERS", "1")])
def test_a_variable_that_states_what_holds_anyway_is_accepted(name, value):
    assert settings_from_environment({name: value}) == settings_from_environment({})


REFUSED = [
    ("DEVICE", "tpu", "auto, cuda, cpu"),
    ("BATCH_SIZE", "many", "a number from 1"),
    ("BATCH_SIZE", "0", "a number from 1"),
    ("BATCH_SIZE", "-1", "a number from 1"),
    ("BATCH_SIZE", "1.5", "a number from 1"),
    ("BATCH_SIZE", "9" * 5000, "a number from 1"),
    ("BATCH_SIZE", "٣", "a number from 1"),
    ("DIARIZATION_MAX_BATCH_SIZE", "x", "a number from 1"),
    ("MAX_CONCURRENT_JOBS", "0", "a number from 1"),
    ("API_WORKERS", "4", "add boxes"),
    ("API_WORKERS", "x", "a number from 1"),
    ("ENABLE_DIARIZATION", "false", "send task=transcribe"),
    ("ENABLE_DIARIZATION", "perhaps", "true or false"),
    ("DIARIZE_RUNNER_DATABASE_URL_FILE", "/nowhere/url", "check the path"),
    ("DIARIZE_RUNNER_VOICE_THRESHOLD", "0", "above 0, at most 1"),
    ("DIARIZE_RUNNER_VOICE_THRESHOLD", "nan", "above 0, at most 1"),
    ("DIARIZE_RUNNER_VOICE_THRESHOLD", "high", "above 0, at most 1"),
]


@pytest.mark.parametrize(("name", "value", "hint"), REFUSED, ids=lambda each: str(each)[:30])
def test_a_value_that_cannot_be_used_is_refused_with_the_variables_name_and_a_hint(name, value, hint):
    with pytest.raises(UsageError, match=f"^{name}=") as refused:
        settings_from_environment({name: value})

    assert hint in refused.value.hint


class TestTheDatabase:
    def test_its_address_comes_from_a_file_before_the_variable(self, tmp_path):
        (tmp_path / "url").write_text("postgresql://user:secret@db/queue\n")
        environ = {
            "DIARIZE_RUNNER_DATABASE_URL_FILE": str(tmp_path / "url"),
            "DIARIZE_RUNNER_DATABASE_URL": "postgresql://other",
        }

        assert settings_from_environment(environ).database_url == "postgresql://user:secret@db/queue"

    def test_an_empty_file_is_refused(self, tmp_path):
        (tmp_path / "url").write_text("\n")

        with pytest.raises(UsageError, match="is empty"):
            settings_from_environment({"DIARIZE_RUNNER_DATABASE_URL_FILE": str(tmp_path / "url")})

    def test_its_password_is_in_no_printed_settings(self):
        settings = settings_from_environment({"DIARIZE_RUNNER_DATABASE_URL": "postgresql://user:secret@db"})

        assert "secret" not in f"{settings!r} {settings}"

    def test_no_child_process_inherits_it(self, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_DATABASE_URL", "postgresql://user:secret@db")
        import os

        forget_secrets(os.environ)

        assert "secret" not in str(child_environment())


@pytest.mark.parametrize("name", ["HUGGINGFACE_TOKEN", "HF_TOKEN"])
def test_a_token_of_the_hub_is_in_no_setting_and_in_no_child_process(name, monkeypatch):
    monkeypatch.setenv(name, TOKEN)

    assert settings_from_environment({name: TOKEN}) == settings_from_environment({})
    assert TOKEN not in str(child_environment())


def test_options_win_over_the_environment_and_missing_ones_do_not():
    settings = settings_from_environment({"DEVICE": "cuda", "BATCH_SIZE": "16"})

    models = override(settings.models, device="cpu", batch_size=None)

    assert (models.device, models.batch_size) == ("cpu", 16)
    assert isinstance(models, ModelSettings)


class TestSafety:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.example.com", ""])
    def test_other_machines_need_keys(self, host):
        with pytest.raises(UsageError, match="there are no API keys") as refused:
            require_safe(Settings(host=host))
        assert "service-key add" in refused.value.hint

        require_safe(Settings(host=host, key_file=Path("keys.json")))

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
    def test_this_machine_needs_none(self, host, caplog):
        require_safe(Settings(host=host))

        assert caplog.records == []

    def test_insecure_is_allowed_with_a_warning(self, caplog):
        with caplog.at_level(logging.WARNING):
            require_safe(Settings(host="0.0.0.0", insecure=True))

        assert "INSECURE" in caplog.text
