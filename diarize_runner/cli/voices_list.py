"""`diarize-runner voices list`: list the enrolled voices."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.voices_options import add_voice_file_option
from diarize_runner.progress import Progress
from diarize_runner.voices.file import VoiceFile


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `voices list`."""
    add_voice_file_option(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """List the names, when each voice was enrolled, and from how much speech."""
    content = VoiceFile.load(arguments.voices).content
    voices = [{"name": each.name, "enrolled": each.enrolled, "seconds": each.seconds} for each in content.voices]
    lines = "".join(f"{each.name}\t{each.enrolled}\t{each.seconds:.1f}\n" for each in content.voices)
    document: dict[str, object] = {"embedding_model": str(content.model), "voices": voices}
    return Result(document=document, text=f"voices: {len(voices)}", data=lines)
