"""What a service is configured with. `environment` reads the variables; options of the command line win over them."""

import ipaddress
import logging
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from diarize_runner.cache.box.default_folder import default_folder
from diarize_runner.diarization.engines import AUTO, Engine
from diarize_runner.errors import UsageError
from diarize_runner.transcription.options import DEFAULT_BATCH_SIZE, ComputeType
from diarize_runner.voices.matching import DEFAULT_THRESHOLD

DEFAULT_FOLDER: Final = Path("/var/lib/diarize-runner/service")
_HOUR = 3600.0
_Value = TypeVar("_Value", "Limits", "ModelSettings", "Settings")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the service accepts, and how long it keeps and waits. Times are in seconds."""

    max_upload_bytes: int = 1 << 30
    max_audio_seconds: float = 4 * _HOUR
    """Of one recording."""
    max_queued_seconds: float = 24 * _HOUR
    """Of audio that waits or runs, of all keys."""
    max_queued_jobs: int = 10_000
    """That wait or run, of all keys."""
    share_per_key: float = 0.5
    """How much of both one key may use."""
    reserved_bytes: int = 1 << 30
    """Free space that uploads leave on the disk of the folder, for the queue and results."""
    requests_per_minute: int = 120
    """Of each key; without keys, of each client address."""
    requests_at_a_time: int = 100
    """Of each key; without keys, of each client address. Synchronous requests and streams of events last."""
    uploads: int = 16
    """At a time, of all keys."""
    uploads_per_key: int = 8
    upload_rate: int = 8192
    """The least bytes a second of a body, after `upload_grace_seconds`: slow uploads block those of others."""
    upload_grace_seconds: float = 30.0
    waiting_uploads: int = 64
    """Uploads that wait for a decoder, of all keys; each is a file."""
    decoders: int = 2
    """Uploads that are decoded at a time; each takes a core, and up to 2 GiB of memory."""
    sync_seconds: float = 600.0
    """How long a synchronous request waits for its result."""
    retention_seconds: float = 24 * _HOUR
    """How long a finished job and its files are kept."""
    idle_seconds: float = 300.0
    """How long the models stay loaded without a job."""
    turn_jobs: int = 8
    """Jobs in a row with the same model, before another model gets its turn."""
    max_wait_seconds: float = 60.0
    """How long a job waits for another model's turn."""
    lease_seconds: float = 30.0
    """How long a box may give no sign of life before another box takes its job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """Which models the service loads, and how."""

    cache: Path = field(default_factory=default_folder)
    device: str = AUTO
    """`cuda`, `cpu` or `auto`."""
    engine: Engine = AUTO
    transcription_model: str | None = None
    """The default of requests; None for the first of the cache."""
    batch_size: int = DEFAULT_BATCH_SIZE
    """Of the transcription."""
    compute_type: ComputeType = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of a service."""

    box: str = field(default_factory=socket.gethostname)
    """The name of this box: the same at each start, and another one for each box that shares the queue."""
    host: str = "127.0.0.1"
    port: int = 8000
    folder: Path = DEFAULT_FOLDER
    key_file: Path | None = None
    """None: everyone who reaches the address may use the service."""
    webhook_file: Path | None = None
    """The hosts that submissions may name as receivers of webhooks; None for no webhooks."""
    voice_file: Path | None = None
    """The enrolled voices after which requests can have speakers named; None to name none."""
    voice_threshold: float = DEFAULT_THRESHOLD
    """The least cosine between a speaker and the voice that names the speaker."""
    insecure: bool = False
    """Whether other machines may use the service without a key."""
    database_url: str | None = field(default=None, repr=False)
    """Of PostgreSQL, perhaps with a password; None for SQLite in `folder`."""
    limits: Limits = Limits()
    models: ModelSettings = field(default_factory=ModelSettings)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, an address or a name. Resolves no name but localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def override(value: _Value, **given: Any) -> _Value:
    """Return the value with each field of `given` that is not None, as argparse leaves an option that was not given."""
    return replace(value, **{name: each for name, each in given.items() if each is not None})


def require_safe(settings: Settings) -> None:
    """Refuse an address that other machines reach, without a key file; warn if `insecure` allows it.

    Raises:
        UsageError: it is refused.
    """
    if settings.is_loopback or settings.key_file:
        return
    if settings.insecure:
        _log.warning("INSECURE: everyone who reaches %s can use this service, without a key", settings.host)
        return
    hint = (
        "add a key with diarize-runner service-key add NAME --keys FILE, and serve with --keys FILE; "
        "or serve on 127.0.0.1 only"
    )
    raise UsageError(f"other machines reach {settings.host}, and there are no API keys", hint=hint)
