"""`diarize-runner voices delete`: delete the voice of a person."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.voices_options import add_voice_file_option
from diarize_runner.progress import Progress
from diarize_runner.voices.file import delete_voice


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `voices delete`."""
    parser.add_argument("name", metavar="NAME", help="of the person; voices list shows the names")
    add_voice_file_option(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Delete the voice, and name the copies that a command cannot find."""
    delete_voice(arguments.voices, arguments.name)
    remaining = "copies of the voice may be in backups of the file, and the name in results that were made with it"
    document: dict[str, object] = {"name": arguments.name, "voices": str(arguments.voices), "remaining": remaining}
    return Result(document=document, text=(f"deleted {arguments.name}", f"  {remaining}: delete them, too"))
