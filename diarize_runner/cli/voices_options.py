"""Options for enrolled voices: the file of the `voices` commands, and naming speakers after them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from diarize_runner.cli.output_options import require_not_overwritten
from diarize_runner.cli.recordings import Requested
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.current_voices import CurrentVoices
from diarize_runner.jobs.job import LoadedJob
from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers, NamingOpener
from diarize_runner.voices.file import VoiceFile
from diarize_runner.voices.matching import DEFAULT_THRESHOLD
from diarize_runner.voices.names import parse_voice_name


def add_voice_file_option(parser: argparse.ArgumentParser) -> None:
    """Add the file that a `voices` command reads or changes."""
    described = "the enrolled voices, which are biometric data: only you can read it"
    parser.add_argument("--voices", type=Path, required=True, metavar="FILE", help=described)


def add_voice_name_argument(parser: argparse.ArgumentParser) -> None:
    """Add the name of a voice."""
    parser.add_argument("name", type=_name, metavar="NAME", help="of the person, as results show it")


def add_naming_by_voice_options(parser: argparse.ArgumentParser) -> None:
    """Add `--voices` and `--voice-threshold`."""
    described = "name the speakers whose voices are in FILE, made by: voices enroll"
    parser.add_argument("--voices", type=Path, metavar="FILE", help=described)
    described = f"name a speaker only at this cosine or above (default: {DEFAULT_THRESHOLD:g}, for the embedded models)"
    parser.add_argument("--voice-threshold", type=cosine, default=DEFAULT_THRESHOLD, metavar="COSINE", help=described)


def requested_voices(arguments: argparse.Namespace) -> VoiceFile | None:
    """Return the file that `--voices` names; None without it. Raises UsageError and as `VoiceFile.load` does."""
    if not arguments.voices:
        return None
    file = VoiceFile.load(arguments.voices)
    file.require_voices()
    return file


def requested_current_voices(arguments: argparse.Namespace) -> CurrentVoices | None:
    """Return the file that `--voices` names, for a command that reads it for each recording; None without it.

    It may hold no voices: the last one may be deleted while such a command runs. Raises as `VoiceFile.load` does.
    """
    if not arguments.voices:
        return None
    current = CurrentVoices(path=arguments.voices.absolute(), threshold=arguments.voice_threshold)
    current.read()
    return current


def naming_by_voice(
    arguments: argparse.Namespace,
    file: VoiceFile | None,
    requested: Sequence[Requested],
    open_session: Callable[[LoadedJob], DiarizingSession],
) -> Callable[[LoadedJob], BatchSession]:
    """Return what opens a session that names speakers; without a file, `open_session`.

    Raises:
        UsageError: an output is the file.
    """
    if file is None:
        return open_session
    outputs = [path for each in requested for path in each.item.outputs.paths.values()]
    require_not_overwritten([file.path], outputs)
    known = KnownSpeakers(file=file, threshold=arguments.voice_threshold)
    return NamingOpener(open_session=open_session, known=known).open_for


def _name(text: str) -> str:
    try:
        return parse_voice_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def cosine(text: str) -> float:
    """Parse a threshold."""
    try:
        least = float(text)
    except ValueError:
        least = 0.0
    if not 0 < least <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most 1")
    return least
