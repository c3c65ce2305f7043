"""Load the models that a plan names."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from diarize_runner.batch.plan import BatchPlan
from diarize_runner.cache.box.open import open_cache
from diarize_runner.errors import ManifestError, UsageError, VoiceError
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers
from diarize_runner.jobs.session import SessionOpener
from diarize_runner.jobs.transcribing import TranscribingOpener
from diarize_runner.progress import ConsoleProgress
from diarize_runner.voices.file import VoiceFile

_ONE_FILE: Final = "copy one file of voices to this path on all machines, with mode 0600; then run the batch again"


def open_session(plan: BatchPlan, progress: ConsoleProgress, stack: ExitStack) -> BatchSession:
    """Verify the cache, and load its models; `stack` ends the transcriber.

    Raises:
        ManifestError: the cache holds another version than the plan's.
        VoiceError: the file of voices is missing, is not the plan's, or another model made the voices.

    Otherwise raises as `open_cache`, `open_transcriber` and `load_offline` do.
    """
    known = _known_speakers(plan)
    session = _load(plan, progress, stack)
    return known.session(session) if known else session


def _load(plan: BatchPlan, progress: ConsoleProgress, stack: ExitStack) -> DiarizingSession:
    configuration, folder = plan.configuration, Path(plan.cache)
    cache = open_cache(folder, progress)
    if cache.manifest.digest != configuration.manifest:
        raise ManifestError(
            f"{folder} holds {cache.manifest.name} {cache.manifest.version}, another version than this batch's",
            hint="restore one version on all machines: diarize-runner cache restore --store STORE --into DIR",
        )
    opener = SessionOpener(
        folder=folder, device=plan.device, engine=configuration.engine, progress=progress, verified=cache
    )
    if not configuration.transcription:
        return opener.open()
    options = replace(configuration.transcription, device=plan.device)
    return TranscribingOpener(opener=opener, options=options, enter=stack.enter_context).open()


def _known_speakers(plan: BatchPlan) -> KnownSpeakers | None:
    """Return the voices that the plan names, as this machine has them. Raises VoiceError if they are others."""
    reference = plan.configuration.known_speakers
    if reference is None:
        return None
    try:
        file = VoiceFile.load(Path(plan.voices))
    except (UsageError, ManifestError) as error:
        raise VoiceError(error.message, hint=_ONE_FILE) from error
    if file.digest != reference.voices:
        raise VoiceError(f"{plan.voices} differs from the file of voices that this batch began with", hint=_ONE_FILE)
    return KnownSpeakers(file=file, threshold=reference.threshold)
