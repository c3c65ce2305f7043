"""Load the models that a plan names."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from diarize_runner.batch.plan import BatchPlan
from diarize_runner.cache.box.open import open_cache
from diarize_runner.errors import ManifestError
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.session import SessionOpener
from diarize_runner.jobs.transcribing import TranscribingOpener
from diarize_runner.progress import ConsoleProgress


def open_session(plan: BatchPlan, progress: ConsoleProgress, stack: ExitStack) -> BatchSession:
    """Verify the cache, and load its models; `stack` ends the transcriber.

    Raises:
        ManifestError: the cache holds another version than the plan's.

    Otherwise raises as `open_cache`, `open_transcriber` and `load_offline` do.
    """
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
