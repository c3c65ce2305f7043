"""`diarize-runner serve`: the HTTP service of one box."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diarize_runner.cache.box.default_folder import DEFAULT_FOLDER
from diarize_runner.cli.logs import log_json_to
from diarize_runner.cli.options import cosine, seconds
from diarize_runner.cli.output import Result
from diarize_runner.diarization.engines import DEVICES, ENGINES
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcription.options import COMPUTE_TYPES
from diarize_runner.voices.matching import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from diarize_runner.service.settings import Settings

_HOUR: Final = 3600.0
_LAST_PORT: Final = 65535


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`; one that is not given is read from the environment."""
    _add_address_options(parser)
    _add_model_options(parser)
    _add_limit_options(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Serve until SIGTERM or SIGINT."""
    from diarize_runner.service.environment import forget_secrets, settings_from_environment
    from diarize_runner.service.server import serve
    from diarize_runner.service.systemd import Systemd

    systemd = Systemd.take(os.environ)
    settings = _with_options(settings_from_environment(os.environ), arguments)
    forget_secrets(os.environ)
    with log_json_to(progress, "diarize_runner.service"):
        serve(settings, progress, systemd)
    return Result(document={"stopped": True}, text="stopped")


def _add_address_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", help="the address to serve (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, metavar="NUMBER", help="the port to serve (default: 8000)")
    described = "uploads, results and the queue (default: /var/lib/diarize-runner/service)"
    parser.add_argument("--folder", type=Path, metavar="DIR", help=described)
    described = "the API keys, which `service-key add` writes; needed on an address that other machines reach"
    parser.add_argument("--keys", type=Path, metavar="FILE", help=described)
    described = "allow webhooks: a file with their secret and the hosts that may get them (default: none)"
    parser.add_argument("--webhooks", type=Path, metavar="FILE", help=described)
    described = "serve an address that other machines reach without keys: everyone can use it"
    parser.add_argument("--insecure", action="store_true", help=described)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    described = f"a restored cache (default: $DIARIZE_RUNNER_CACHE, else {DEFAULT_FOLDER})"
    parser.add_argument("--cache", type=Path, metavar="DIR", help=described)
    described = "the device (default: $DIARIZE_RUNNER_DEVICE or $DEVICE, else auto)"
    parser.add_argument("--device", choices=DEVICES, help=described)
    parser.add_argument("--engine", choices=ENGINES, help="the engine, as for `diarize` (default: auto)")
    described = "the transcription model of requests that name none (default: $WHISPER_MODEL, else the cache's first)"
    parser.add_argument("--model", metavar="NAME", help=described)
    described = "chunks to transcribe together (default: $BATCH_SIZE, else 8)"
    parser.add_argument("--batch-size", type=int, metavar="N", help=described)
    described = "let requests name the speakers whose voices are in FILE, made by: voices enroll (default: none)"
    parser.add_argument("--voices", type=Path, metavar="FILE", help=described)
    described = f"name a speaker only at this cosine or above (default: {DEFAULT_THRESHOLD:g}, for the embedded models)"
    parser.add_argument("--voice-threshold", type=cosine, metavar="COSINE", help=described)
    parser.add_argument("--compute-type", choices=COMPUTE_TYPES, help="precision of the transcription (default: auto)")


def _add_limit_options(parser: argparse.ArgumentParser) -> None:
    described = "the longest recording to take (default: 4)"
    parser.add_argument("--max-audio-hours", type=seconds, metavar="HOURS", help=described)
    described = "audio that may wait; more is refused with 429 (default: 24)"
    parser.add_argument("--max-queued-hours", type=seconds, metavar="HOURS", help=described)
    described = "keep ended jobs and their files so long (default: 24)"
    parser.add_argument("--retention-hours", type=seconds, metavar="HOURS", help=described)
    described = "unload the models when no job came for so long (default: 300)"
    parser.add_argument("--idle-seconds", type=seconds, metavar="SECONDS", help=described)


def _with_options(settings: "Settings", arguments: argparse.Namespace) -> "Settings":
    """Return the settings with the options that were given."""
    from diarize_runner.service.settings import override

    limits = override(
        settings.limits,
        max_audio_seconds=_hours(arguments.max_audio_hours),
        max_queued_seconds=_hours(arguments.max_queued_hours),
        retention_seconds=_hours(arguments.retention_hours),
        idle_seconds=arguments.idle_seconds,
    )
    models = override(
        settings.models,
        cache=arguments.cache,
        device=arguments.device,
        engine=arguments.engine,
        transcription_model=arguments.model,
        batch_size=arguments.batch_size,
        compute_type=arguments.compute_type,
    )
    given = override(
        settings,
        host=arguments.host,
        port=arguments.port,
        folder=arguments.folder,
        key_file=arguments.keys,
        webhook_file=arguments.webhooks,
        voice_file=arguments.voices,
        voice_threshold=arguments.voice_threshold,
    )
    return replace(given, insecure=arguments.insecure, limits=limits, models=models)


def _hours(hours: float | None) -> float | None:
    return None if hours is None else hours * _HOUR


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to {_LAST_PORT}")
    return number
