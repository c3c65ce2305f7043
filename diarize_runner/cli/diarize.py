"""`diarize-runner diarize`: who spoke when, and who said what."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from diarize_runner.cli.labelled import requested_outputs
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    add_output_options,
    add_transcript_option,
    verified_cache,
)
from diarize_runner.cli.output import Result
from diarize_runner.cli.provenance import provenance_of
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.transcript import read
from diarize_runner.transcript.formats import rttm


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "diarize", run, "say who spoke when in a recording, and who said what")
    parser.add_argument("audio", type=Path, nargs="?", metavar="AUDIO", help="any format that FFmpeg reads")
    parser.add_argument("-a", "--audio", dest="audio_option", type=Path, metavar="AUDIO", help="the same, as an option")
    add_transcript_option(parser)
    add_output_options(parser)
    parser.add_argument("--num-speakers", "--num_speakers", type=_positive, metavar="N", help="exactly N speakers")
    parser.add_argument("--min-speakers", "--min_speakers", type=_positive, metavar="N", help="N speakers or more")
    parser.add_argument("--max-speakers", "--max_speakers", type=_positive, metavar="N", help="N speakers or fewer")
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Read everything first, so that a bad file costs no model load; then load, diarize, label, write."""
    from diarize_runner.diarization.audio import decode
    from diarize_runner.diarization.engine import load

    audio, hints = _audio(arguments), _hints(arguments)
    outputs = requested_outputs(arguments, [path for path in (audio, arguments.transcript) if path])
    transcript = read.read(arguments.transcript) if arguments.transcript else None
    recording = decode(audio)
    cache = verified_cache(arguments.cache, progress)
    diarizer = load(cache, arguments.device, arguments.engine)
    start = time.perf_counter()
    diarization = diarizer.diarize(recording, hints, progress)
    seconds = time.perf_counter() - start
    made = provenance_of(recording, (audio, arguments.transcript), diarizer, cache.manifest, hints)
    outputs.write(diarization, transcript, made)
    document: dict[str, object] = {
        "uri": recording.uri,
        "audio_seconds": recording.duration,
        "processing_seconds": seconds,
        "real_time_factor": seconds / recording.duration,
        "device": diarizer.device,
        "engine": diarizer.engine,
        "speakers": list(diarization.speakers),
        "diarization": [asdict(turn) for turn in diarization.turns],
        "outputs": {kind: str(path) for kind, path in outputs.paths.items()},
    }
    text = (
        f"{recording.uri}: {recording.duration:.1f} s of audio in {seconds:.1f} s on {diarizer.device}, "
        f"RTF {seconds / recording.duration:.3f}, speakers: {', '.join(diarization.speakers) or 'none'}"
    )
    files = "".join(f"\n  {kind:<5} {path}" for kind, path in outputs.paths.items())
    return Result(document=document, text=text + files, data="" if outputs.paths else rttm.render(diarization))


def _audio(arguments: argparse.Namespace) -> Path:
    given = [path for path in (arguments.audio, arguments.audio_option) if path]
    if len(given) != 1:
        raise UsageError("name one recording", hint="diarize-runner diarize AUDIO -t TRANSCRIPT -o OUT.json")
    return Path(given[0])


def _hints(arguments: argparse.Namespace) -> SpeakerHints:
    exactly, least, most = arguments.num_speakers, arguments.min_speakers, arguments.max_speakers
    if exactly and (least or most):
        raise UsageError("--num-speakers leaves no room for --min-speakers or --max-speakers", hint="drop one of them")
    if least and most and least > most:
        raise UsageError(f"--min-speakers {least} is more than --max-speakers {most}", hint="swap them?")
    return SpeakerHints(exactly=exactly, at_least=least, at_most=most)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of speakers")
    return int(text)
