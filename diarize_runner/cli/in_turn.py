"""Recordings one after the other: what is wrong with one is no reason not to go on with the next.

What came of each is written as soon as it is done, and stays, whatever happens to those that follow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from diarize_runner.cli.output import Result
from diarize_runner.cli.recordings import Job
from diarize_runner.errors import (
    AudioError,
    DiarizeRunnerError,
    DiskError,
    Interrupted,
    PipelineError,
    TranscriptError,
)
from diarize_runner.progress import Telling, duration
from diarize_runner.transcript import read
from diarize_runner.transcript.model import Transcript

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_OF_THE_RECORDING = (AudioError, TranscriptError, PipelineError, DiskError)
"""What is wrong with one recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What came of a recording."""

    document: Mapping[str, object]
    """For programs."""
    text: tuple[str, ...]
    """For people, in lines."""
    data: str
    """For pipes; empty if it was written to files."""
    audio_seconds: float
    processing_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """What is wrong with a recording."""

    error: DiarizeRunnerError


Work = Callable[[Job, "Recording", Transcript | None], Done]
"""What a loaded model does with a recording, results written."""


def in_turn(jobs: Sequence[Job], load: Callable[[], Work], progress: Telling, write: Callable[[str], None]) -> Result:
    """Do what is not done yet, loading when the first recording is ready; `write` what is for pipes.

    Raises what was wrong, if there is but one job, and otherwise:
        Interrupted: somebody pressed Ctrl-C.

    What `load` raises comes through too: it is wrong with every recording.
    """
    loaded, outcomes = cache(load), list[tuple[Job, Done | Failed]]()
    try:
        for job in (job for job in jobs if not job.skip):
            outcomes.append((job, _outcome(job, loaded)))
            _report(outcomes[-1][1], len(jobs), progress, write)
    except KeyboardInterrupt as reason:
        raise _interrupted(outcomes, len(jobs)) from reason
    return _result(jobs, outcomes)


def _outcome(job: Job, loaded: Callable[[], Work]) -> Done | Failed:
    from diarize_runner.diarization.audio import decode

    try:
        transcript = read.read(job.transcript) if job.transcript else None
        recording = decode(job.audio, channel=job.channel)
    except _OF_THE_RECORDING as error:
        return Failed(error=error)
    work = loaded()
    try:
        return work(job, recording, transcript)
    except _OF_THE_RECORDING as error:
        return Failed(error=error)


def _report(outcome: Done | Failed, jobs: int, progress: Telling, write: Callable[[str], None]) -> None:
    if isinstance(outcome, Done):
        with progress.paused():
            write(outcome.data)
    elif jobs == 1:
        raise outcome.error
    if jobs > 1:
        for line in _lines(outcome):
            progress.tell(line)


def _lines(outcome: Done | Failed) -> tuple[str, ...]:
    if isinstance(outcome, Done):
        return outcome.text
    hint = (f"hint: {outcome.error.hint}",) if outcome.error.hint else ()
    return (f"error: {outcome.error.message}", *hint)


def _interrupted(outcomes: Sequence[tuple[Job, Done | Failed]], jobs: int) -> Interrupted:
    if jobs == 1:
        return Interrupted("interrupted")
    done = sum(isinstance(outcome, Done) for _, outcome in outcomes)
    hint = "run it again with --skip-existing for the others"
    return Interrupted(f"interrupted: {done} of {jobs} recordings are done, and what came of them is kept", hint=hint)


def _result(jobs: Sequence[Job], outcomes: Sequence[tuple[Job, Done | Failed]]) -> Result:
    """Return the one recording's document and text, or all documents and their totals."""
    done = [outcome for _, outcome in outcomes if isinstance(outcome, Done)]
    if len(jobs) == len(done) == 1:
        return Result(document=done[0].document, text=done[0].text)
    failed = [job.audio for job, outcome in outcomes if isinstance(outcome, Failed)]
    skipped = [job.audio for job in jobs if job.skip]
    audio, processing = sum(each.audio_seconds for each in done), sum(each.processing_seconds for each in done)
    document = {
        "recordings": [_document(job, outcome) for job, outcome in outcomes],
        "skipped": [str(path) for path in skipped],
        "failed": [str(path) for path in failed],
        "audio_seconds": audio,
        "processing_seconds": processing,
        "real_time_factor": processing / audio if done else None,
    }
    factor = f": {duration(audio)} of audio in {duration(processing)}, RTF {processing / audio:.3f}" if done else ""
    text = f"{len(done)} done, {len(skipped)} skipped, {len(failed)} failed{factor}"
    named = (f"  failed: {path}" for path in failed)
    return Result(document=document, text=(text, *named), exit_code=1 if failed else 0)


def _document(job: Job, outcome: Done | Failed) -> Mapping[str, object]:
    if isinstance(outcome, Done):
        return {"audio": str(job.audio), **outcome.document}
    return {"audio": str(job.audio), "error": outcome.error.message, "hint": outcome.error.hint}
