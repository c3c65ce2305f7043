"""Load a verified cache's pipeline and diarize with it: offline, without a token, without telemetry.

This module hides pyannote: it takes a `Recording` and returns a `Diarization`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from diarize_runner.cache.box.ownership import require_trusted_folder
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engines import AUTO, FAST, STOCK, Engine
from diarize_runner.diarization.environment import offline_environment, without_telemetry
from diarize_runner.diarization.garbage import without_collector
from diarize_runner.diarization.guard import offline
from diarize_runner.diarization.isolation import isolated_directories
from diarize_runner.diarization.library_output import suppress_library_output
from diarize_runner.diarization.models import embedding_model_digest, load_pipeline
from diarize_runner.diarization.turns import (
    MAX_SPEAKERS,
    SPEECH,
    Diarization,
    SpeakerHints,
    SpeakerTurn,
    rename_by_first_appearance,
)
from diarize_runner.diarization.voices import SpeakerVoice, embed_speakers
from diarize_runner.diarization.wsl import load_driver
from diarize_runner.digests import Digest
from diarize_runner.errors import DeviceUnavailable, PipelineError
from diarize_runner.progress import Progress
from diarize_runner.unexpected import first_line

if TYPE_CHECKING:
    from pyannote.audio import Pipeline
    from pyannote.core import Annotation, SlidingWindowFeature

_log = logging.getLogger(__name__)

_FOREIGN_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, OSError),
    *(RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diarizer:
    """A loaded pipeline on its device."""

    pipeline: "Pipeline"
    device: str
    engine: Engine
    """The engine in use: never `auto`, and `stock` if the pipeline does not support the requested one."""
    embedding_model: Digest | None = None
    """Of the checkpoint that embeds voices; None if the pipeline has none."""

    def diarize(self, recording: Recording, hints: SpeakerHints, progress: Progress) -> Diarization:
        """Return who spoke when.

        Raises:
            PipelineError: the pipeline failed on this recording.
            OfflineViolation: a library tried to reach the network.
        """
        with (
            without_telemetry(),
            offline(),
            suppress_library_output(),
            _pipeline_errors(f"{recording.uri}: diarization failed"),
        ):
            output: Any = self.pipeline(
                _pyannote_file(recording),
                num_speakers=hints.exactly,
                min_speakers=hints.at_least,
                max_speakers=hints.at_most and min(hints.at_most, MAX_SPEAKERS),
                hook=_progress_hook(progress),
            )
        end = recording.duration
        turns, exclusive = _turns(output.speaker_diarization, end), _turns(output.exclusive_speaker_diarization, end)
        return rename_by_first_appearance(recording.uri, turns, exclusive)

    def detect_speech(self, recording: Recording, progress: Progress) -> Diarization:
        """Return when anyone spoke, with `SPEECH` as the only speaker.

        Speech is where the pipeline counts at least one speaker, before clustering; it is the union of the turns of
        `diarize`. Raises what `diarize` raises.
        """
        with (
            without_telemetry(),
            offline(),
            suppress_library_output(),
            _pipeline_errors(f"{recording.uri}: speech detection failed"),
        ):
            try:
                self.pipeline(_pyannote_file(recording), hook=_stop_after_counting(_progress_hook(progress)))
            except _SpeakersCounted as counted:
                spoken = counted.speakers
            spoken.data = spoken.data > 0
            gap = self.pipeline.segmentation.min_duration_off
            annotation = self.pipeline.to_annotation(spoken, min_duration_on=0.0, min_duration_off=gap)
        turns = tuple(replace(turn, speaker=SPEECH) for turn in _turns(annotation, recording.duration))
        return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)

    def embed_speakers(
        self, recording: Recording, diarization: Diarization, progress: Progress
    ) -> dict[str, SpeakerVoice]:
        """Return the voice of each speaker who speaks alone for long enough, by label.

        Raises:
            PipelineError: the pipeline has no embedding model, or it failed on this recording.
            OfflineViolation: a library tried to reach the network.
        """
        with (
            without_telemetry(),
            offline(),
            suppress_library_output(),
            _pipeline_errors(f"{recording.uri}: the voices cannot be embedded"),
        ):
            return embed_speakers(self.pipeline._embedding, recording, diarization, progress)  # noqa: SLF001  # as engines do

    def synchronise(self) -> None:
        """Wait for the device to finish all queued work, so that timings are correct."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()


def load(cache: VerifiedCache, device: str, engine: Engine = AUTO) -> Diarizer:
    """Load the pipeline of `cache` on `device`: `cuda`, `cpu`, or `auto` (cuda if available).

    If the fast or exact engine does not support the pipeline, use the stock engine and log the reason.

    Raises:
        DeviceUnavailable: cuda is requested but not available.
        PipelineError: the pipeline cannot be loaded.
        UntrustedFolder: another local user can change the cache.
        IntegrityError: a file has changed since it was verified.
        DiskError: a file cannot be read.
        OfflineViolation: a library tried to reach the network.
    """
    cache = cache.relocated_to(cache.root.absolute())  # loading changes the working folder
    require_trusted_folder(cache.root)
    if device != "cpu":
        load_driver()
    with without_collector():
        return _load(cache, device, engine)


def _load(cache: VerifiedCache, device: str, engine: Engine) -> Diarizer:
    import_pyannote_offline(cache)
    import torch

    chosen = _choose(device, cuda=torch.cuda.is_available())
    with _loading_offline(cache, f"{cache.manifest.pipeline}: the pipeline cannot be loaded"):
        with isolated_directories():
            pipeline = load_pipeline(cache)
        pipeline.to(torch.device(chosen))
        return Diarizer(
            pipeline=pipeline,
            device=chosen,
            engine=apply_engine(pipeline, chosen, engine),
            embedding_model=embedding_model_digest(cache),
        )


def import_pyannote_offline(cache: VerifiedCache) -> None:
    """Import pyannote.audio with the environment of `cache`, which it reads on import.

    Raises:
        PipelineError: the import fails.
        OfflineViolation: a library tried to reach the network.
    """
    with _loading_offline(cache, "pyannote.audio cannot be imported"), isolated_directories():
        import_module("pyannote.audio")


def apply_engine(pipeline: "Pipeline", device: str, engine: Engine) -> Engine:
    """Make the pipeline fast or exact, as `engine` requests and the pipeline supports; return the engine in use."""
    import torch
    from pyannote.audio.utils.reproducibility import fix_reproducibility

    from diarize_runner.diarization.exact import UnsupportedPipeline, make_exact
    from diarize_runner.diarization.fast import default_engine, make_fast

    fix_reproducibility(torch.device(device))  # disables TF32, as each pipeline call does
    requested = default_engine(pipeline) if engine == AUTO else engine
    if requested == STOCK:
        return STOCK
    make = make_fast if requested == FAST else make_exact
    try:
        make(pipeline, torch.device(device))
    except UnsupportedPipeline as reason:
        _log.warning("falling back to the stock engine: %s", reason)
        return STOCK
    return requested


def _choose(device: str, *, cuda: bool) -> str:
    if device == "cuda" and not cuda:
        hint = "run diarize-runner doctor to find the cause, or use --device cpu"
        raise DeviceUnavailable("torch finds no CUDA device", hint=hint)
    if device == "auto":
        return "cuda" if cuda else "cpu"
    return device


@contextmanager
def _loading_offline(cache: VerifiedCache, problem: str) -> Iterator[None]:
    """Apply the offline environment and guard, and translate errors."""
    with _pipeline_errors(problem), offline_environment(cache), offline(), suppress_library_output():
        yield


@contextmanager
def _pipeline_errors(problem: str) -> Iterator[None]:
    """Translate errors of pyannote and torch, which raise many types."""
    try:
        yield
    except PipelineError:
        raise
    except _FOREIGN_ERRORS as reason:
        what = f"{problem}: {first_line(reason) or type(reason).__name__}"
        raise _error_kind(reason)(what, hint="run diarize-runner doctor to find the cause") from reason


def _error_kind(reason: Exception) -> type[PipelineError]:
    """Return DeviceUnavailable for an error of the device, which every later call on it meets too.

    https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html: "The process must be terminated and
    relaunched."
    """
    import torch

    return DeviceUnavailable if isinstance(reason, torch.AcceleratorError) else PipelineError


def _turns(annotation: "Annotation", end: float) -> Iterator[SpeakerTurn]:
    """Yield the turns clipped to the recording: pyannote pads the last chunk and may detect speech in the padding."""
    for segment, _, speaker in annotation.itertracks(yield_label=True):
        if segment.start < end:
            yield SpeakerTurn(
                start=max(0.0, float(segment.start)), end=min(float(segment.end), end), speaker=str(speaker)
            )


def _pyannote_file(recording: Recording) -> dict[str, object]:
    """Return a recording as the mapping that pyannote takes."""
    import torch

    # Samples of one channel of several are not contiguous.
    waveform = torch.from_numpy(np.ascontiguousarray(recording.waveform))[None]
    return {"waveform": waveform, "sample_rate": recording.sample_rate, "uri": recording.uri}


def _progress_hook(progress: Progress) -> Any:
    """Adapt a Progress to pyannote's hook, and drop steps without a total."""

    def hook(step: str, _artifact: object, **counts: Any) -> None:
        if counts.get("total"):
            # pyannote counts the chunks of the last batch that do not exist: 101 %.
            progress.advance(step, completed=min(counts["completed"], counts["total"]), total=counts["total"])

    return hook


class _SpeakersCounted(Exception):
    """Stops a pipeline once it has counted the speakers of each frame."""

    def __init__(self, speakers: "SlidingWindowFeature") -> None:
        super().__init__()
        self.speakers = speakers


def _stop_after_counting(hook: Any) -> Any:
    def counting_hook(step: str, artifact: Any, **counts: Any) -> None:
        hook(step, artifact, **counts)
        if step == "speaker_counting":
            raise _SpeakersCounted(artifact)

    return counting_hook
