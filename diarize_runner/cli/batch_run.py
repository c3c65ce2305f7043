"""`diarize-runner batch`: diarize every recording of a folder or bucket that has no result yet."""

import argparse
import os
from collections.abc import Iterator

from diarize_runner.batch.attempts import printable
from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.on_ray.engine import RayEngine
from diarize_runner.batch.outcomes import Done, Failed, Outcome
from diarize_runner.batch.plan import DEFAULT_ATTEMPTS, DEFAULT_PREFETCH, BatchPlan, open_output
from diarize_runner.batch.results import record_configuration
from diarize_runner.batch.run import Engine, ThisMachine, find_work
from diarize_runner.batch.shards import WHOLE, requested_shard
from diarize_runner.batch.source import InputSource, address_of
from diarize_runner.batch.summary import BatchSummary
from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.options import add_cache_option, add_device_option, add_engine_option
from diarize_runner.cli.output import Result
from diarize_runner.cli.output_options import formats
from diarize_runner.cli.signals import sigterm_interrupts
from diarize_runner.cli.speaker_options import add_speaker_options, positive, speaker_hints
from diarize_runner.cli.transcription_options import add_transcribe_option, requested_transcription
from diarize_runner.cli.voices_options import add_naming_by_voice_options, requested_voices
from diarize_runner.errors import Interrupted, UsageError
from diarize_runner.progress import ConsoleProgress, duration
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.provenance import KnownSpeakersReference
from diarize_runner.transcript.formats.registry import FORMATS

_STAGE = "recordings"
_HERE = "local"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `batch run`."""
    described = "a folder, s3://bucket/prefix, or a list of recordings in JSON Lines: FILE.jsonl"
    parser.add_argument("input", metavar="INPUT", help=described)
    parser.add_argument("output", metavar="OUTPUT", help="a folder or s3://bucket/prefix, for the results")
    described = "the folder or s3://bucket/prefix that the keys of FILE.jsonl are in (default: where that file is)"
    parser.add_argument("--base", metavar="ADDRESS", help=described)
    described = "a folder or s3://bucket/prefix with a transcript for each recording, of the same name"
    parser.add_argument("--transcripts", metavar="ADDRESS", help=described)
    described = f"also write {', '.join(name for name in FORMATS if name != 'json')}; JSON is always written"
    parser.add_argument("--formats", type=formats, default=(), metavar="NAME,...", help=described)
    described = f"`{_HERE}`, one recording after the other, or an address of Ray: ray, ray://HOST:PORT"
    parser.add_argument("--on", default=_HERE, metavar="ENGINE", help=f"{described} (default: {_HERE})")
    _add_shard_options(parser)
    described = f"give up a recording after N attempts (default: {DEFAULT_ATTEMPTS})"
    parser.add_argument("--attempts", type=positive, default=DEFAULT_ATTEMPTS, metavar="N", help=described)
    described = f"fetch recordings of up to N bytes in advance (default: {DEFAULT_PREFETCH})"
    parser.add_argument("--prefetch-bytes", type=positive, default=DEFAULT_PREFETCH, metavar="N", help=described)
    add_labelling_options(parser)
    add_transcribe_option(parser, "transcribe recordings without a transcript")
    add_speaker_options(parser)
    add_naming_by_voice_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def _add_shard_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shards", type=positive, metavar="N", help="do one of N parts of the recordings")
    described = "which part, from 0 (default: the index that Slurm, Kubernetes or AWS Batch gives its task)"
    parser.add_argument("--shard", type=_index, metavar="I", help=described)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Find the recordings without a result, and run them; report each failure, and the totals."""
    plan, engine = _plan(arguments), _engine(arguments, progress)
    work = find_work(plan, plan.source.recordings(), progress)
    if not (work.pending or work.done or work.given_up or plan.shard != WHOLE):
        raise UsageError(f"{plan.source.shown} holds no recordings", hint="check the address of INPUT")
    record_configuration(open_output(plan), plan.configuration, plan.source)
    summary = BatchSummary.of(work)
    with sigterm_interrupts():
        try:
            for outcome in _reported(engine.run(plan, work.pending), len(work.pending), progress):
                summary = summary.after(outcome)
        except KeyboardInterrupt as reason:
            raise Interrupted(f"interrupted: {summary.text}", hint="run it again for the remaining ones") from reason
    return Result(document=summary.to_dict(), text=summary.lines, exit_code=summary.exit_code)


def _plan(arguments: argparse.Namespace) -> BatchPlan:
    """Return what to do. Raises UsageError, ManifestError if there is no cache, and as `VoiceFile.load` does."""
    source = InputSource.of(arguments.input, base=arguments.base, transcripts=arguments.transcripts)
    configuration = Configuration(
        manifest=read_manifest(find_cache(arguments.cache)).digest,
        engine=arguments.engine,
        hints=speaker_hints(arguments),
        rules=labelling_rules(arguments),
        transcription=requested_transcription(arguments),
        known_speakers=_known_speakers(arguments),
    )
    return BatchPlan(
        source=source,
        output=address_of(arguments.output),
        configuration=configuration,
        cache=str(arguments.cache.absolute()),
        device=arguments.device,
        voices=str(arguments.voices.absolute()) if arguments.voices else "",
        formats=arguments.formats,
        shard=requested_shard(arguments.shards, arguments.shard, os.environ),
        attempts=arguments.attempts,
        prefetch_bytes=arguments.prefetch_bytes,
    )


def _known_speakers(arguments: argparse.Namespace) -> KnownSpeakersReference | None:
    """Return the digest of the file that `--voices` names, without what it holds."""
    file = requested_voices(arguments)
    return KnownSpeakersReference(voices=file.digest, threshold=arguments.voice_threshold) if file else None


def _engine(arguments: argparse.Namespace, progress: ConsoleProgress) -> Engine:
    """Return what `--on` names; raise UsageError if that is nothing."""
    if arguments.on == _HERE:
        return ThisMachine(progress=progress)
    engine, _, address = arguments.on.partition("://")
    if engine == "ray":
        return RayEngine(address=address or "auto", progress=progress)
    raise UsageError(f"--on: {arguments.on!r} is no engine", hint=f"use {_HERE}, ray or ray://HOST:PORT")


def _reported(outcomes: Iterator[Outcome], total: int, progress: ConsoleProgress) -> Iterator[Outcome]:
    """Yield each outcome; print it, and how many there are."""
    progress.advance(_STAGE, completed=0, total=total)
    for number, outcome in enumerate(outcomes, start=1):
        progress.print_line(one_line(_line(outcome)))
        progress.advance(_STAGE, completed=min(number, total), total=total)
        yield outcome


def _line(outcome: Outcome) -> str:
    key = printable(outcome.key)
    if isinstance(outcome, Done):
        return f"{key}: {duration(outcome.audio_seconds)} of audio in {duration(outcome.processing_seconds)}"
    if isinstance(outcome, Failed):
        return f"{key}: {outcome.message}"
    return f"{key}: done already"


def _index(text: str) -> int:
    """Parse the index of a shard."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
