"""The recordings that a command line names, each with what is read and written for it."""

import argparse
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cli.output_options import outputs_of_each
from diarize_runner.diarization.turns import uri_of
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.batch import Order
from diarize_runner.jobs.job import Job, Task
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.formats.fields import field
from diarize_runner.transcript.names import SUFFIXES
from diarize_runner.transcript.rules import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """One recording of a command line, and what is to be made of it."""

    audio: Path
    order: Order
    skip: bool
    """Whether it is to be left alone, because all its outputs are there."""


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which recordings, and what of them."""
    parser.add_argument("audio", type=Path, nargs="*", metavar="AUDIO", help="any format that FFmpeg reads")
    parser.add_argument("-a", "--audio", dest="audio_option", type=Path, metavar="AUDIO", help="the same, as an option")
    described = "hear one channel, counted from 1, or the mean of all (default: mix)"
    parser.add_argument("--channel", type=_channel, default=None, metavar="N|mix", help=described)
    described = "leave recordings alone whose outputs are all there"
    parser.add_argument("--skip-existing", "--skip_existing", action="store_true", help=described)


def _requested(arguments: argparse.Namespace) -> list[Path]:
    """Return what is to be heard; raise UsageError when none is named, or one is a folder."""
    given = [*arguments.audio, *([arguments.audio_option] if arguments.audio_option else [])]
    if not given or (arguments.audio and arguments.audio_option):
        raise UsageError("name a recording, or several", hint="AUDIO..., or one with -a AUDIO")
    for path in given:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", hint=f"name the recordings in it, as in {path}/*.wav")
    return given


def requested_recordings(arguments: argparse.Namespace, task: Task, rules: Rules = DEFAULT_RULES) -> list[Requested]:
    """Look at everything that can be looked at before any work is done.

    Raises:
        UsageError: none is named, one is a folder, outputs collide, or there are none by which to skip.
        DiskError: an output cannot be written.
    """
    recordings = _requested(arguments)
    transcripts = [_transcript_of(audio, arguments, len(recordings)) for audio in recordings]
    read = [[audio, *([said] if said else [])] for audio, said in zip(recordings, transcripts, strict=True)]
    outputs = outputs_of_each(arguments, read)
    if not outputs[0].paths:
        _require_distinct(recordings, arguments)
    jobs = (
        Job(audio=AudioFile(path=audio, channel=arguments.channel), transcript=said, task=task, rules=rules)
        for audio, said in zip(recordings, transcripts, strict=True)
    )
    return [
        Requested(
            audio=audio,
            order=Order(job=job, outputs=written),
            skip=arguments.skip_existing and all(path.exists() for path in written.paths.values()),
        )
        for audio, job, written in zip(recordings, jobs, outputs, strict=True)
    ]


def _require_distinct(recordings: Sequence[Path], arguments: argparse.Namespace) -> None:
    """Refuse what would go to one stream and could not be told apart there, or be skipped by nothing."""
    if arguments.skip_existing:
        raise UsageError(
            "--skip-existing has no outputs to look for", hint="name them: --output-dir DIR --formats rttm"
        )
    name, times = Counter(field(uri_of(path.stem)) for path in recordings).most_common(1)[0]
    if times > 1:
        raise UsageError(f"{times} recordings are called {name} in RTTM", hint="give each a name of its own")


def _transcript_of(audio: Path, arguments: argparse.Namespace, recordings: int) -> Path | None:
    """Return the transcript of a recording: the file that was given, or that of its name in the folder."""
    given: Path | None = arguments.transcript
    if given and given.is_dir():
        named = [given / f"{stem}{suffix}" for stem in _spellings(audio.stem) for suffix in SUFFIXES]
        return next((path for path in named if path.exists()), named[0])
    if given and recordings > 1:
        hint = f"name a folder with a transcript for each: NAME{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise UsageError(f"{given} cannot be the transcript of {recordings} recordings", hint=hint)
    return given


def _spellings(stem: str) -> Sequence[str]:
    """Return a name, and the same with accents composed and decomposed: a copy by way of macOS may have them so."""
    return list(dict.fromkeys((stem, *(unicodedata.normalize(form, stem) for form in ("NFC", "NFD")))))


def _channel(text: str) -> int | None:
    if text == "mix":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of a channel, from 1, nor mix")
    return int(text)
