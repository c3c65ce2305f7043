"""The recordings on a command line, each with its inputs and outputs."""

import argparse
import logging
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.cli.output_options import needs_transcript, outputs_of_each
from diarize_runner.diarization.channels import EACH, Channel
from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.batch import BatchItem
from diarize_runner.jobs.job import Job, Task
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.formats.fields import field
from diarize_runner.transcript.names import SUFFIXES, possible_stems
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcript.speaker_names import NO_NAMES, SpeakerNames

_log = logging.getLogger(__name__)

_STDIN = Path("/dev/stdin")
"""Stands for `-`; its stem is the recording's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """One recording on a command line, and the work on it."""

    audio: Path
    item: BatchItem
    skip: bool
    """True if --skip-existing is given and all outputs exist."""


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select recordings."""
    parser.add_argument(
        "audio",
        type=_audio,
        nargs="*",
        metavar="AUDIO",
        help="a recording, in any format that FFmpeg reads; - for stdin",
    )
    parser.add_argument(
        "-a", "--audio", dest="audio_option", type=_audio, metavar="AUDIO", help="the same, as an option"
    )
    add_decoding_options(parser)
    described = "skip recordings whose outputs all exist"
    parser.add_argument("--skip-existing", "--skip_existing", action="store_true", help=described)


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what of a recording to decode."""
    described = "use channel N, from 1, or the mean of all channels (default: mix)"
    parser.add_argument("--channel", type=_channel, default=None, metavar="N|mix", help=described)
    described = "use audio stream N, from 1, or the one that FFmpeg ranks best (default: auto)"
    parser.add_argument("--stream", type=_stream, default=None, metavar="N|auto", help=described)
    described = "refuse a recording that gives a warning: truncated, damaged, silent and others"
    parser.add_argument("--strict", action="store_true", help=described)


def _requested(arguments: argparse.Namespace) -> list[Path]:
    """Return the recordings; raise UsageError when none is named, or one is a folder or a terminal."""
    given = [*arguments.audio, *([arguments.audio_option] if arguments.audio_option else [])]
    if not given or (arguments.audio and arguments.audio_option):
        raise UsageError(
            "no recording is named, or both AUDIO and -a are", hint="name recordings as AUDIO..., or one as -a AUDIO"
        )
    for path in given:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", hint=f"name the recordings in it: {path}/*.wav")
        if path == _STDIN and sys.stdin.isatty():
            raise UsageError("stdin is a terminal", hint="pipe a recording to it: diarize - < meeting.wav")
    return given


def requested_recordings(
    arguments: argparse.Namespace, task: Task, rules: Rules = DEFAULT_RULES, names: SpeakerNames = NO_NAMES
) -> list[Requested]:
    """Check all inputs and outputs before any work begins.

    Raises:
        UsageError: no recording is named, one is a folder, outputs collide, or --skip-existing has no outputs.
        DiskError: an output cannot be written.
    """
    recordings = _requested(arguments)
    transcripts = [_transcript_of(audio, arguments, len(recordings)) for audio in recordings]
    read = [
        [audio, *([transcript] if transcript else [])]
        for audio, transcript in zip(recordings, transcripts, strict=True)
    ]
    outputs = outputs_of_each(arguments, read)
    if not outputs[0].paths:
        _require_distinct(recordings, arguments)
    job = partial(Job, task=task, rules=rules, names=names)
    jobs = (
        job(audio=_audio_file(audio, arguments), transcript=transcript)
        for audio, transcript in zip(recordings, transcripts, strict=True)
    )
    return [
        Requested(
            audio=audio,
            item=BatchItem(job=job, outputs=written),
            skip=arguments.skip_existing and all(path.exists() for path in written.paths.values()),
        )
        for audio, job, written in zip(recordings, jobs, outputs, strict=True)
    ]


def _audio_file(path: Path, arguments: argparse.Namespace) -> AudioFile:
    channel: Channel = EACH if arguments.speakers_per_channel else arguments.channel
    return AudioFile(path=path, channel=channel, stream=arguments.stream, strict=arguments.strict)


def _require_distinct(recordings: Sequence[Path], arguments: argparse.Namespace) -> None:
    """Raise UsageError when stdout would hold two recordings of one name, or --skip-existing has no outputs."""
    if arguments.skip_existing:
        raise UsageError("--skip-existing requires outputs", hint="name them: --output-dir DIR --formats rttm")
    name, times = Counter(field(uri_from_stem(path.stem)) for path in recordings).most_common(1)[0]
    if times > 1:
        raise UsageError(
            f"{times} recordings have the name {name} in RTTM",
            hint="rename them, or write files: --output-dir DIR --formats rttm",
        )


def _transcript_of(audio: Path, arguments: argparse.Namespace, recordings: int) -> Path | None:
    """Return the transcript of a recording: the given file, or the file of its name in the given folder."""
    given: Path | None = arguments.transcript
    if given and given.is_dir():
        return _find_in_folder(audio, given, arguments)
    if given and recordings > 1:
        hint = f"name a folder that holds NAME{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} for each recording"
        raise UsageError(f"{given} cannot be the transcript of {recordings} recordings", hint=hint)
    return given


def _find_in_folder(audio: Path, folder: Path, arguments: argparse.Namespace) -> Path | None:
    """Return a recording's transcript in a folder.

    Without one, return None if no output needs it, else a name that is not there: that recording fails.
    """
    stems = [spelling for stem in possible_stems(audio) for spelling in _spellings(stem)]
    named = [folder / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES]
    found = next((path for path in named if path.exists()), None)
    if found is None and not needs_transcript(arguments):
        _log.warning("%s has no transcript in %s", audio, folder)
        return None
    return found or folder / f"{audio.stem}{SUFFIXES[0]}"


def _spellings(stem: str) -> Sequence[str]:
    """Return a name, and its composed and decomposed Unicode forms: a copy made on macOS may differ in form."""
    return list(dict.fromkeys((stem, *(unicodedata.normalize(form, stem) for form in ("NFC", "NFD")))))


def _audio(text: str) -> Path:
    return _STDIN if text == "-" else Path(text)


def _channel(text: str) -> int | None:
    return number_or(text, "a channel number", "mix")


def _stream(text: str) -> int | None:
    return number_or(text, "a stream number", "auto")


def number_or(text: str, what: str, otherwise: str) -> int | None:
    """Parse a number from 1; `otherwise` is None."""
    if text == otherwise:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither {what}, from 1, nor {otherwise}")
    return int(text)
