"""Diarize one recording after the other, with the models loaded: the unit of work of every engine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Final

from diarize_runner.batch.attempts import AttemptLog, Attempts
from diarize_runner.batch.fetched_job import load_job
from diarize_runner.batch.fetching import FetchedRecording, Fetcher, NotFetched
from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.outcomes import AlreadyDone, Done, Failed, Outcome
from diarize_runner.batch.plan import BatchPlan, open_output
from diarize_runner.batch.progress_log import ProgressLog
from diarize_runner.batch.results import Results
from diarize_runner.batch.session import open_session
from diarize_runner.errors import DiarizeRunnerError, StoreError
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.job import Result
from diarize_runner.progress import ConsoleProgress
from diarize_runner.recording_errors import RecordingFailed, recording_errors
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS

_MOST_FETCH_FAILURES: Final = 3
"""In a row: then the store cannot be read, and no recording is to blame."""

OpenSession = Callable[[BatchPlan, ConsoleProgress, ExitStack], BatchSession]


class Worker:
    """Keeps the models from the first recording to `close`, and tells `batch status` what it does."""

    def __init__(self, plan: BatchPlan, progress: ConsoleProgress, opened: OpenSession = open_session) -> None:
        self._plan, self._progress, self._open_session = plan, progress, opened
        output = open_output(plan)
        self._results = Results(output, plan.configuration.name)
        self._attempts = AttemptLog(output, plan.configuration.name)
        self._fetcher = Fetcher(plan.source.open(), plan.source.open_transcripts(), plan.prefetch_bytes)
        self._stack = ExitStack()
        self._session: BatchSession | None = None
        self._fetch_failures = 0
        self._log = ProgressLog(output, plan.configuration.name, plan.shard)

    def run(self, recordings: Sequence[InputRecording]) -> Iterator[Outcome]:
        """Yield the outcome of each recording as soon as its result is written.

        Raises:
            StoreError: a result cannot be written, or no recording can be read.
            ManifestError: there is no cache, or it holds another version than the plan names.

        It also raises what loading the models raises, and SHARED_ERRORS.
        """
        for fetched in self._fetcher.fetch(recordings):
            outcome = self._run_one(fetched)
            self._log.add(outcome)
            yield outcome
        self._log.write()

    def close(self) -> None:
        """Give the models back, and write that this worker has ended, if the store takes it."""
        self._stack.close()
        self._session = None
        with suppress(StoreError):
            self._log.end()

    def _run_one(self, fetched: FetchedRecording | NotFetched) -> Outcome:
        name, key = fetched.recording.name, fetched.recording.key
        if self._results.has(name):
            return AlreadyDone(key=key)
        before = self._attempts.read(name)
        if before and not before.may_try_again(self._plan.attempts):
            return self._failed(before, key)
        with self._attempts.attempt(name, key):
            try:
                outcome = self._diarize(fetched, name)
            except RecordingFailed as failed:
                return self._failed(self._attempts.record_failure(name, key, failed.error), key)
        with suppress(StoreError):  # a bucket may forbid deletion; the result decides, not what is left of attempts
            self._attempts.forget(name)
        return outcome

    def _diarize(self, fetched: FetchedRecording | NotFetched, name: str) -> Outcome:
        """Write the result of a recording. Raises RecordingFailed, and what concerns every recording."""
        if isinstance(fetched, NotFetched):
            raise self._fetch_error(fetched)
        self._fetch_failures, key = 0, fetched.recording.key
        with recording_errors(key):
            loaded = load_job(fetched, self._plan.configuration)
        session = self._opened_session()
        with recording_errors(key):
            result = session.run(loaded, self._progress)
            files = self._render(result, has_text=loaded.has_transcript or bool(result.labelled.segments))
        if not self._results.put(name, files):
            return AlreadyDone(key=key)
        timing = result.timing
        return Done(key=key, audio_seconds=timing.audio_seconds, processing_seconds=timing.processing_seconds)

    def _fetch_error(self, fetched: NotFetched) -> DiarizeRunnerError | RecordingFailed:
        """Return the error of one recording; of the store, if the recordings before could not be fetched either."""
        self._fetch_failures += 1
        return fetched.error if self._fetch_failures >= _MOST_FETCH_FAILURES else RecordingFailed(fetched.error)

    def _opened_session(self) -> BatchSession:
        if self._session is None:
            self._session = self._open_session(self._plan, self._progress, self._stack)
        return self._session

    def _render(self, result: Result, *, has_text: bool) -> dict[str, bytes]:
        document = Document(transcript=result.labelled, provenance=result.provenance)
        wanted = [FORMATS[name] for name in dict.fromkeys(("json", *self._plan.formats))]
        return {each.suffix: each.render(document).encode() for each in wanted if has_text or not each.needs_transcript}

    def _failed(self, attempts: Attempts, key: str) -> Failed:
        again = attempts.may_try_again(self._plan.attempts)
        return Failed(key=key, message=attempts.problem, hint=attempts.hint, will_be_tried_again=again)
