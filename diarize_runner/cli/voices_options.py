"""Options for enrolled voices: the file of the `voices` commands, and naming speakers after them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from diarize_runner.cli.linking_options import requested_linking
from diarize_runner.cli.options import cosine
from diarize_runner.cli.output_options import require_not_overwritten
from diarize_runner.cli.recordings import Requested
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.current_voices import CurrentVoices
from diarize_runner.jobs.job import LoadedJob
from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers, Namer, NamingOpener
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
    """Return what opens a session that names speakers, or links them; without a file or `--link`, `open_session`.

    Raises:
        UsageError: an output is the file, or an option excludes `--link`.
    """
    known = [_known_speakers(arguments, file, requested)] if file else []
    namers: list[Namer] = [*known, *requested_linking(arguments)]
    return NamingOpener(open_session=open_session, namers=namers).open_for if namers else open_session


def _known_speakers(arguments: argparse.Namespace, file: VoiceFile, requested: Sequence[Requested]) -> KnownSpeakers:
    outputs = [path for each in requested for path in each.item.outputs.paths.values()]
    require_not_overwritten([file.path], outputs)
    return KnownSpeakers(file=file, threshold=arguments.voice_threshold)


def _name(text: str) -> str:
    try:
        return parse_voice_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
