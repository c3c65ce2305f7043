"""Report recordings: one line each for people, one document for programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cli.output import Result, write_error
from diarize_runner.cli.recordings import Requested
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError, Interrupted
from diarize_runner.jobs.batch import BatchSession, Failed, Succeeded, run_batch
from diarize_runner.jobs.job import LoadedJob
from diarize_runner.progress import ConsoleProgress, duration
from diarize_runner.transcript.formats import rttm
from diarize_runner.transcript.formats.fields import one_line


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingReport:
    """The report of one recording."""

    document: Mapping[str, object]
    """For programs."""
    text: tuple[str, ...]
    """For people: lines."""
    data: str
    """For pipes; empty if files were written instead."""
    audio_seconds: float
    processing_seconds: float


def recording_report(done: Succeeded, found: Mapping[str, object], text: tuple[str, ...]) -> RecordingReport:
    """Return the report of a recording: what was `found`, the timing, and the files written."""
    result, paths = done.result, done.item.outputs.paths
    engine, transcription_seconds = result.provenance.engine, result.transcription_seconds
    ran = {
        "device": result.provenance.device,
        **({"engine": engine} if engine else {}),
        **({"transcription_seconds": transcription_seconds} if transcription_seconds is not None else {}),
    }
    written = {kind: str(path) for kind, path in paths.items()}
    warnings = result.labelled.warnings
    return RecordingReport(
        document={**result.timing.document, **ran, **found, "warnings": list(warnings), "outputs": written},
        text=(
            *text,
            *(f"  warning: {one_line(warning)}" for warning in warnings),
            *(f"  {kind:<8} {path}" for kind, path in written.items()),
        ),
        data="" if paths else rttm.render(result.diarization),
        audio_seconds=result.timing.audio_seconds,
        processing_seconds=result.timing.processing_seconds,
    )


_Reported = tuple[Path, RecordingReport | DiarizeRunnerError]
"""A recording, and its report."""


def report_batch(
    requested: Sequence[Requested],
    open_session: Callable[[LoadedJob], BatchSession],
    describe: Callable[[Succeeded], RecordingReport],
    progress: ConsoleProgress,
    write: Callable[[str], None],
) -> Result:
    """Run the recordings that are not skipped, and report each when it is done; `write` gets the data for pipes.

    Raises:
        Interrupted: Ctrl-C was pressed.

    It also raises what `open_session` raises, and the error of a recording that is the only one.
    """
    reported = list[_Reported]()
    pending = [each for each in requested if not each.skip]
    try:
        outcomes = run_batch([each.item for each in pending], open_session, progress)
        with process_offline():
            for each, outcome in zip(pending, outcomes, strict=True):
                reported.append((each.audio, outcome.error if isinstance(outcome, Failed) else describe(outcome)))
                _report(reported[-1][1], len(requested), progress, write)
    except KeyboardInterrupt as reason:
        raise _interrupted(reported, len(requested)) from reason
    return _result(requested, reported)


def _report(
    report: RecordingReport | DiarizeRunnerError,
    recordings: int,
    progress: ConsoleProgress,
    write: Callable[[str], None],
) -> None:
    if isinstance(report, RecordingReport):
        with progress.paused():
            write(report.data)
        if recordings > 1:
            for line in report.text:
                progress.print_line(line)
        return
    if recordings == 1:
        raise report
    with progress.paused():
        write_error(report)


def _interrupted(reported: Sequence[_Reported], recordings: int) -> Interrupted:
    if recordings == 1:
        return Interrupted("interrupted")
    done = sum(isinstance(report, RecordingReport) for _, report in reported)
    hint = "run it again with --skip-existing for the remaining ones"
    what = f"interrupted: {done} of {recordings} recordings are done; their outputs are kept"
    return Interrupted(what, hint=hint)


def _result(requested: Sequence[Requested], reported: Sequence[_Reported]) -> Result:
    """Return the document and text of a single recording, or all documents and their totals."""
    done = [report for _, report in reported if isinstance(report, RecordingReport)]
    if len(requested) == len(done) == 1:
        return Result(document=done[0].document, text=done[0].text)
    failed = [audio for audio, report in reported if isinstance(report, DiarizeRunnerError)]
    skipped = [each.audio for each in requested if each.skip]
    audio, processing = sum(each.audio_seconds for each in done), sum(each.processing_seconds for each in done)
    document = {
        "recordings": [_document(*each) for each in reported],
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


def _document(audio: Path, report: RecordingReport | DiarizeRunnerError) -> Mapping[str, object]:
    if isinstance(report, RecordingReport):
        return {"audio": str(audio), **report.document}
    return {"audio": str(audio), "error": report.message, "hint": report.hint}
