"""Read the settings from the environment: our own variables, and those of other transcription servers.

There is no parser of `.env` files here. Whatever starts the service puts the variables of such a file into the
environment: systemd with EnvironmentFile=, compose with env_file:, a shell with `set -a; . ./.env`. Options of the
command line win over the environment; `settings.override` applies them. An empty variable counts as unset.

HUGGINGFACE_TOKEN and HF_TOKEN are not read: the service never contacts the Hub, and children do not inherit them.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from diarize_runner.cache.box.default_folder import DEFAULT_FOLDER
from diarize_runner.diarization.engines import DEVICES
from diarize_runner.errors import UsageError
from diarize_runner.service.settings import Limits, ModelSettings, Settings, override

DATABASE_URL: Final = "DIARIZE_RUNNER_DATABASE_URL"
DATABASE_URL_FILE: Final = "DIARIZE_RUNNER_DATABASE_URL_FILE"
KEYS: Final = "DIARIZE_RUNNER_SERVICE_KEYS"
WEBHOOKS: Final = "DIARIZE_RUNNER_WEBHOOKS"
VOICES: Final = "DIARIZE_RUNNER_VOICES"
VOICE_THRESHOLD: Final = "DIARIZE_RUNNER_VOICE_THRESHOLD"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_MAX_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Variables:
    environ: Mapping[str, str]

    def get(self, *names: str) -> tuple[str, str] | None:
        """Return the first of the variables that is set and not empty: its name and its value."""
        return next(((name, value) for name in names if (value := self.environ.get(name, "").strip())), None)

    def parsed(self, parse: Callable[[str, str], Any], *names: str) -> Any:
        """Return what `parse` makes of the name and value of the first variable that is set; None without one."""
        found = self.get(*names)
        return parse(*found) if found else None


def settings_from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings, with defaults for what the environment does not set.

    Raises:
        UsageError: a variable has a value that the service cannot use.
    """
    variables = _Variables(environ=environ)
    variables.parsed(_require_diarization, "ENABLE_DIARIZATION")
    variables.parsed(_require_one_process, "API_WORKERS")
    return override(
        Settings(limits=_limits(variables), models=_models(variables)),
        key_file=variables.parsed(_path, KEYS),
        webhook_file=variables.parsed(_path, WEBHOOKS),
        voice_file=variables.parsed(_path, VOICES),
        voice_threshold=variables.parsed(_cosine, VOICE_THRESHOLD),
        database_url=variables.parsed(_read_secret, DATABASE_URL_FILE) or variables.parsed(_text, DATABASE_URL),
    )


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Remove the database's address, which can hold a password, so that no child process inherits it."""
    environ.pop(DATABASE_URL, None)


def _limits(variables: _Variables) -> Limits:
    """Return the limits.

    Other servers run MAX_CONCURRENT_JOBS requests at a time on the device. Here jobs of a GPU run one after the other,
    so the variable bounds the uploads, which is what a client notices of it.
    """
    return override(
        Limits(),
        turn_jobs=variables.parsed(_count, "DIARIZATION_MAX_BATCH_SIZE"),
        uploads=variables.parsed(_count, "MAX_CONCURRENT_JOBS"),
    )


def _models(variables: _Variables) -> ModelSettings:
    return override(
        ModelSettings(cache=variables.parsed(_path, "DIARIZE_RUNNER_CACHE") or Path(DEFAULT_FOLDER)),
        device=variables.parsed(_device, "DIARIZE_RUNNER_DEVICE", "DEVICE"),
        transcription_model=variables.parsed(_text, "WHISPER_MODEL"),
        batch_size=variables.parsed(_count, "BATCH_SIZE"),
    )


def _text(_name: str, value: str) -> str:
    return value


def _path(_name: str, value: str) -> Path:
    return Path(value)


def _device(name: str, value: str) -> str:
    if value not in DEVICES:
        raise UsageError(f"{name}={value}: not a device", hint=f"set {name} to one of {', '.join(DEVICES)}")
    return value


def _count(name: str, value: str) -> int:
    if value.isascii() and value.isdecimal() and len(value) <= len(str(_MAX_COUNT)) and 1 <= int(value) <= _MAX_COUNT:
        return int(value)
    raise UsageError(f"{name}={value}: not a whole number", hint=f"set {name} to a number from 1 to {_MAX_COUNT}")


def _cosine(name: str, value: str) -> float:
    try:
        least = float(value)
    except ValueError:
        least = 0.0
    if not 0 < least <= 1:
        raise UsageError(f"{name}={value}: not a cosine", hint=f"set {name} to a number above 0, at most 1")
    return least


def _flag(name: str, value: str) -> bool:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise UsageError(f"{name}={value}: neither true nor false", hint=f"set {name} to true or false")
    return value.lower() in _TRUE


def _require_diarization(name: str, value: str) -> None:
    if not _flag(name, value):
        hint = f"unset {name}, and send task=transcribe with requests that need no speakers"
        raise UsageError(f"{name}={value}: each request says whether it needs speakers", hint=hint)


def _require_one_process(name: str, value: str) -> None:
    if _count(name, value) != 1:
        hint = f"unset {name}; to work faster, add boxes that share a PostgreSQL queue"
        raise UsageError(f"{name}={value}: one process serves a GPU", hint=hint)


def _read_secret(name: str, value: str) -> str:
    """Return the content of the file that a variable names; the message never quotes it."""
    try:
        text = Path(value).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as reason:
        raise UsageError(f"{name}={value}: the file cannot be read", hint="check the path and its owner") from reason
    if not text:
        raise UsageError(f"{name}={value}: the file is empty", hint="write the address of the database into it")
    return text
