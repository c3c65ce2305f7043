"""`diarize-runner vad`: when anybody spoke."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.cli.in_turn import Done, Work, in_turn
from diarize_runner.cli.loaded import Loaded, load
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    add_output_options,
)
from diarize_runner.cli.output import Result, write_stdout
from diarize_runner.cli.recordings import Job, add_recording_options, requested_jobs
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.jobs.watch import watched
from diarize_runner.progress import Telling, duration
from diarize_runner.transcript.formats import rttm
from diarize_runner.transcript.model import Transcript

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "vad", run, "say when anybody spoke in recordings, as SPEECH, and not who")
    parser.set_defaults(transcript=None)
    add_recording_options(parser)
    add_output_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Telling) -> Result:
    """Look at everything first, then hear and write one recording after the other."""
    jobs = requested_jobs(arguments)

    def work() -> Work:
        return Detecting(loaded=load(arguments, progress), progress=progress)

    return in_turn(jobs, work, progress, write_stdout if not arguments.json else lambda _: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Detecting:
    """Detects speech by the pipeline that was loaded."""

    loaded: Loaded
    progress: Telling

    def __call__(self, job: Job, recording: "Recording", _: Transcript | None) -> Done:
        """Detect the speech in a recording and write what was asked for; raises as `speech` and `write` do."""
        diarizer = self.loaded.diarizer
        with watched(recording, self.loaded.pace("vad"), self.progress) as watch:
            found = diarizer.speech(recording, watch)
            diarizer.synchronise()
        job.outputs.write(found, None, self.loaded.provenance(job.source, recording, SpeakerHints()))
        spoken = sum(turn.duration for turn in found.turns)
        return Done(
            document={
                **watch.document,
                **self.loaded.document,
                "speech_seconds": spoken,
                "speech": [{"start": turn.start, "end": turn.end} for turn in found.turns],
                "outputs": {kind: str(path) for kind, path in job.outputs.paths.items()},
            },
            text=(f"{watch.summary} on {diarizer.device}, {duration(spoken)} of speech", *job.written),
            data="" if job.outputs.paths else rttm.render(found),
            audio_seconds=recording.duration,
            processing_seconds=watch.seconds,
        )
