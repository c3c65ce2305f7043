"""`diarize-runner voices enroll`: keep the voice of a person."""

import argparse
from pathlib import Path

from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import add_cache_option, add_device_option, add_engine_option
from diarize_runner.cli.output import Result
from diarize_runner.cli.recordings import add_decoding_options
from diarize_runner.cli.voices_options import add_voice_file_option, add_voice_name_argument
from diarize_runner.diarization.guard import process_offline
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.enrolment import enroll_in
from diarize_runner.progress import ConsoleProgress
from diarize_runner.voices.file import find_voices


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `voices enroll`."""
    add_voice_name_argument(parser)
    described = "a recording in which only this person speaks; several are averaged"
    parser.add_argument("audio", type=Path, nargs="+", metavar="AUDIO", help=described)
    add_voice_file_option(parser)
    add_decoding_options(parser)
    parser.add_argument("--replace", action="store_true", help="replace the voice of this name")
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Check the file and decode the recordings first; then load the models."""
    file, name = find_voices(arguments.voices), arguments.name
    if file and not arguments.replace:
        file.require_new(name)
    recordings = [_audio(path, arguments).decode() for path in arguments.audio]
    with process_offline():
        diarizer = session_opener(arguments, progress).open().diarizer
        voice = enroll_in(arguments.voices, name, recordings, diarizer, progress)
    document: dict[str, object] = {"name": name, "seconds": voice.seconds, "voices": str(arguments.voices)}
    return Result(document=document, text=f"enrolled {name} from {voice.seconds:.1f} s of speech")


def _audio(path: Path, arguments: argparse.Namespace) -> AudioFile:
    return AudioFile(path=path, channel=arguments.channel, stream=arguments.stream, strict=arguments.strict)
