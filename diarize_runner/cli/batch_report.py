"""Say what came of recordings: a line for people as each is done, one document for programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cli.output import Result
from diarize_runner.cli.recordings import Requested
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError, Interrupted
from diarize_runner.jobs.batch import Done, Failed, run_batch
from diarize_runner.jobs.session import Session
from diarize_runner.progress import Telling, duration
from diarize_runner.transcript.formats import rttm


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What a command says of a recording that is done."""

    document: Mapping[str, object]
    """For programs."""
    text: tuple[str, ...]
    """For people, in lines."""
    data: str
    """For pipes; empty if it was written to files."""
    audio_seconds: float
    processing_seconds: float


def described(done: Done, found: Mapping[str, object], text: tuple[str, ...]) -> Described:
    """Say what was `found`, what ran, how long it took and what was written."""
    result, paths = done.result, done.order.outputs.paths
    ran = {"device": result.provenance.device, "engine": result.provenance.engine}
    written = {kind: str(path) for kind, path in paths.items()}
    return Described(
        document={**result.timing.document, **ran, **found, "outputs": written},
        text=(*text, *(f"  {kind:<8} {path}" for kind, path in written.items())),
        data="" if paths else rttm.render(result.diarization),
        audio_seconds=result.timing.audio_seconds,
        processing_seconds=result.timing.processing_seconds,
    )


_Told = tuple[Path, Described | DiarizeRunnerError]
"""A recording, and what is said of it."""


def report_batch(
    requested: Sequence[Requested],
    open_session: Callable[[], Session],
    describe: Callable[[Done], Described],
    progress: Telling,
    write: Callable[[str], None],
) -> Result:
    """Do what is not done yet, saying of each what came of it; `write` what is for pipes.

    Raises what was wrong, if there is but one recording, and otherwise:
        Interrupted: somebody pressed Ctrl-C.

    What `open_session` raises comes through too: it is wrong with every recording.
    """
    told = list[_Told]()
    pending = [each for each in requested if not each.skip]
    try:
        outcomes = run_batch([each.order for each in pending], open_session, progress)
        with process_offline():
            for each, outcome in zip(pending, outcomes, strict=True):
                told.append((each.audio, outcome.error if isinstance(outcome, Failed) else describe(outcome)))
                _report(told[-1][1], len(requested), progress, write)
    except KeyboardInterrupt as reason:
        raise _interrupted(told, len(requested)) from reason
    return _result(requested, told)


def _report(
    said: Described | DiarizeRunnerError, recordings: int, progress: Telling, write: Callable[[str], None]
) -> None:
    if isinstance(said, Described):
        with progress.paused():
            write(said.data)
    elif recordings == 1:
        raise said
    if recordings > 1:
        for line in _lines(said):
            progress.tell(line)


def _lines(said: Described | DiarizeRunnerError) -> tuple[str, ...]:
    if isinstance(said, Described):
        return said.text
    hint = (f"hint: {said.hint}",) if said.hint else ()
    return (f"error: {said.message}", *hint)


def _interrupted(told: Sequence[_Told], recordings: int) -> Interrupted:
    if recordings == 1:
        return Interrupted("interrupted")
    done = sum(isinstance(said, Described) for _, said in told)
    hint = "run it again with --skip-existing for the others"
    what = f"interrupted: {done} of {recordings} recordings are done, and what came of them is kept"
    return Interrupted(what, hint=hint)


def _result(requested: Sequence[Requested], told: Sequence[_Told]) -> Result:
    """Return the one recording's document and text, or all documents and their totals."""
    done = [said for _, said in told if isinstance(said, Described)]
    if len(requested) == len(done) == 1:
        return Result(document=done[0].document, text=done[0].text)
    failed = [audio for audio, said in told if isinstance(said, DiarizeRunnerError)]
    skipped = [each.audio for each in requested if each.skip]
    audio, processing = sum(each.audio_seconds for each in done), sum(each.processing_seconds for each in done)
    document = {
        "recordings": [_document(*each) for each in told],
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


def _document(audio: Path, said: Described | DiarizeRunnerError) -> Mapping[str, object]:
    if isinstance(said, Described):
        return {"audio": str(audio), **said.document}
    return {"audio": str(audio), "error": said.message, "hint": said.hint}
