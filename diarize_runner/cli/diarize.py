"""`diarize-runner diarize`: who spoke when, and who said what."""

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from diarize_runner.cli.in_turn import Done, Work, in_turn
from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.loaded import Loaded, load
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    add_output_options,
    add_transcript_option,
)
from diarize_runner.cli.output import Result, write_stdout
from diarize_runner.cli.recordings import Job, add_recording_options, requested_jobs
from diarize_runner.diarization.turns import Diarization, SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.watch import watched
from diarize_runner.progress import Telling
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.formats import rttm
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.rules import Rules

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "diarize", run, "say who spoke when in recordings, and who said what")
    add_recording_options(parser)
    add_transcript_option(parser)
    add_labelling_options(parser)
    add_output_options(parser)
    parser.add_argument("--num-speakers", "--num_speakers", type=_positive, metavar="N", help="exactly N speakers")
    parser.add_argument("--min-speakers", "--min_speakers", type=_positive, metavar="N", help="N speakers or more")
    parser.add_argument("--max-speakers", "--max_speakers", type=_positive, metavar="N", help="N speakers or fewer")
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Telling) -> Result:
    """Look at everything first, then hear, diarize, label and write one recording after the other."""
    hints, rules, jobs = _hints(arguments), _rules(arguments), requested_jobs(arguments)
    if arguments.transcript and not jobs[0].outputs.paths:
        raise UsageError("the transcript would be labelled, and written nowhere", hint="name an output: -o FILE")

    def work() -> Work:
        return Labelling(loaded=load(arguments, progress), hints=hints, rules=rules, progress=progress)

    return in_turn(jobs, work, progress, write_stdout if not arguments.json else lambda _: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelling:
    """Diarizes and labels by the pipeline that was loaded."""

    loaded: Loaded
    hints: SpeakerHints
    rules: Rules
    progress: Telling

    def __call__(self, job: Job, recording: "Recording", transcript: Transcript | None) -> Done:
        """Diarize a recording and write what was asked for; raises as `diarize` and `write` do."""
        diarizer = self.loaded.diarizer
        with watched(recording, self.loaded.pace("diarize"), self.progress) as watch:
            diarization = diarizer.diarize(recording, self.hints, watch)
            diarizer.synchronise()
        provenance = self.loaded.provenance(job.source, recording, self.hints)
        job.outputs.write(diarization, transcript, provenance, self.rules)
        unmet = self.hints.unmet_by(diarization)
        return Done(
            document={
                **watch.document,
                **self.loaded.document,
                "speakers": list(diarization.speakers),
                "unmet_hint": unmet or None,
                "diarization": [asdict(turn) for turn in diarization.turns],
                "outputs": {kind: str(path) for kind, path in job.outputs.paths.items()},
            },
            text=self._text(job, diarization, watch.summary, unmet),
            data="" if job.outputs.paths else rttm.render(diarization),
            audio_seconds=recording.duration,
            processing_seconds=watch.seconds,
        )

    def _text(self, job: Job, diarization: Diarization, summary: str, unmet: str) -> tuple[str, ...]:
        heard = f"speakers: {', '.join(diarization.speakers) or 'none'}"
        but = (f"  but: {unmet}",) if unmet else ()
        return (f"{summary} on {self.loaded.diarizer.device}, {heard}", *but, *job.written)


def _hints(arguments: argparse.Namespace) -> SpeakerHints:
    exactly, least, most = arguments.num_speakers, arguments.min_speakers, arguments.max_speakers
    if exactly and (least or most):
        raise UsageError("--num-speakers leaves no room for --min-speakers or --max-speakers", hint="drop one of them")
    if least and most and least > most:
        raise UsageError(f"--min-speakers {least} is more than --max-speakers {most}", hint="swap them?")
    return SpeakerHints(exactly=exactly, at_least=least, at_most=most)


def _rules(arguments: argparse.Namespace) -> Rules:
    rules = labelling_rules(arguments)
    if rules != DEFAULT_RULES and not arguments.transcript:
        raise UsageError("--reach, --no-split and --smooth are of a transcript", hint="give one with -t FILE")
    return rules


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of speakers")
    return int(text)
