"""Load a verified cache's pipeline, and diarize recordings with it: offline, without a token, without telemetry.

Everything pyannote is behind this seam: what goes in is a `Recording`, what comes out a `Diarization`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from diarize_runner.cache.box.ownership import require_unchangeable
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engines import EXACT, STOCK, Engine
from diarize_runner.diarization.fence import fenced
from diarize_runner.diarization.guard import offline
from diarize_runner.diarization.models import load_pipeline
from diarize_runner.diarization.quiet import quiet
from diarize_runner.diarization.surroundings import offline_settings, unmeasured
from diarize_runner.diarization.turns import (
    SPEECH,
    Diarization,
    SpeakerHints,
    SpeakerTurn,
    named_by_first_appearance,
)
from diarize_runner.errors import DeviceUnavailable, PipelineError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from pyannote.audio import Pipeline
    from pyannote.core import Annotation, SlidingWindowFeature

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Diarizer:
    """A loaded pipeline on its device."""

    pipeline: "Pipeline"
    device: str
    engine: Engine
    """What runs, which is `stock` where the pipeline does not allow `exact`."""

    def diarize(self, recording: Recording, hints: SpeakerHints, progress: Progress) -> Diarization:
        """Say who spoke when.

        Raises:
            PipelineError: the pipeline failed on this recording.
            OfflineViolation: something tried to reach the network.
        """
        with unmeasured(), offline(), quiet(), _pipeline_errors(f"{recording.uri}: diarization failed"):
            output: Any = self.pipeline(
                _file(recording),
                num_speakers=hints.exactly,
                min_speakers=hints.at_least,
                max_speakers=hints.at_most,
                hook=_hook(progress),
            )
        end = recording.duration
        turns, exclusive = _turns(output.speaker_diarization, end), _turns(output.exclusive_speaker_diarization, end)
        return named_by_first_appearance(recording.uri, turns, exclusive)

    def speech(self, recording: Recording, progress: Progress) -> Diarization:
        """Say when anybody spoke: who is always `SPEECH`.

        That is where the pipeline counts one speaker or more, before it asks who they are: what the turns of `diarize`
        cover together. Raises as `diarize` does.
        """
        with unmeasured(), offline(), quiet(), _pipeline_errors(f"{recording.uri}: speech detection failed"):
            try:
                self.pipeline(_file(recording), hook=_until_counted(_hook(progress)))
            except _Counted as counted:
                spoken = counted.speakers
            spoken.data = spoken.data > 0
            gap = self.pipeline.segmentation.min_duration_off
            heard = self.pipeline.to_annotation(spoken, min_duration_on=0.0, min_duration_off=gap)
        turns = tuple(replace(turn, speaker=SPEECH) for turn in _turns(heard, recording.duration))
        return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)

    def synchronise(self) -> None:
        """Wait until the device has done all it was given, so that a clock can be read."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()


def load(cache: VerifiedCache, device: str, engine: Engine = EXACT) -> Diarizer:
    """Load the pipeline of `cache` on `device`: `cuda`, `cpu`, or `auto` for cuda where there is one.

    A pipeline that the exact engine cannot run is run by pyannote's own, and a line in the log says why.

    Raises:
        DeviceUnavailable: cuda was asked for and is not there.
        PipelineError: the pipeline cannot be loaded.
        UntrustedFolder: another user of this machine could change the cache.
        IntegrityError: a file has changed since it was verified.
        DiskError: a file cannot be read.
        OfflineViolation: something tried to reach the network.
    """
    cache = cache.moved_to(cache.root.absolute())  # the fence is in another working folder
    require_unchangeable(cache.root)
    import_pyannote(cache)
    import torch

    chosen = _choose(device, cuda=torch.cuda.is_available())
    with _as_a_box(cache, f"{cache.manifest.pipeline}: the pipeline cannot be loaded"):
        with fenced():
            pipeline = load_pipeline(cache)
        pipeline.to(torch.device(chosen))
        return Diarizer(pipeline=pipeline, device=chosen, engine=set_going(pipeline, chosen, engine))


def import_pyannote(cache: VerifiedCache) -> None:
    """Import what loads the pipeline of `cache`, with the settings that it reads then.

    Raises:
        PipelineError: it cannot be imported.
        OfflineViolation: something tried to reach the network.
    """
    with _as_a_box(cache, "pyannote.audio cannot be imported"), fenced():
        import_module("pyannote.audio")


def set_going(pipeline: "Pipeline", device: str, engine: Engine) -> Engine:
    """Make the pipeline exact where that is asked for and possible; return the engine it runs on."""
    import torch
    from pyannote.audio.utils.reproducibility import fix_reproducibility

    from diarize_runner.diarization.exact import Unfit, make_exact

    fix_reproducibility(torch.device(device))  # no TF32, as in every call of a pipeline
    if engine == EXACT:
        try:
            make_exact(pipeline, torch.device(device))
        except Unfit as reason:
            _log.warning("going on with pyannote's own engine: %s", reason)
            return STOCK
    return engine


def _choose(device: str, *, cuda: bool) -> str:
    if device == "cuda" and not cuda:
        hint = "diarize-runner doctor says what is in the way of the GPU; or run with --device cpu"
        raise DeviceUnavailable("torch finds no CUDA device", hint=hint)
    if device == "auto":
        return "cuda" if cuda else "cpu"
    return device


@contextmanager
def _as_a_box(cache: VerifiedCache, problem: str) -> Iterator[None]:
    """Load with the settings of a box, whatever process this is."""
    with _pipeline_errors(problem), offline_settings(cache), offline(), quiet():
        yield


@contextmanager
def _pipeline_errors(problem: str) -> Iterator[None]:
    """Translate what pyannote and torch raise: they raise nearly anything."""
    try:
        yield
    except PipelineError:
        raise
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, ImportError, OSError) as reason:
        raise PipelineError(f"{problem}: {reason}", hint="diarize-runner doctor says what is out of place") from reason


def _turns(annotation: "Annotation", end: float) -> Iterator[SpeakerTurn]:
    """Yield the turns inside the recording: pyannote pads the last chunk, and may hear speech in the padding."""
    for segment, _, speaker in annotation.itertracks(yield_label=True):
        if segment.start < end:
            yield SpeakerTurn(
                start=max(0.0, float(segment.start)), end=min(float(segment.end), end), speaker=str(speaker)
            )


def _file(recording: Recording) -> dict[str, object]:
    """Return a recording as pipelines take it."""
    import torch

    waveform = torch.from_numpy(recording.waveform)[None]
    return {"waveform": waveform, "sample_rate": recording.sample_rate, "uri": recording.uri}


def _hook(progress: Progress) -> Any:
    """Adapt pyannote's hook, which tells of every step, to a Progress, which hears of counted ones."""

    def hook(step: str, _artifact: object, **told: Any) -> None:
        if told.get("total"):
            progress.advance(step, completed=told["completed"], total=told["total"])

    return hook


class _Counted(Exception):
    """A pipeline has counted who speaks at once, and need not go on."""

    def __init__(self, speakers: "SlidingWindowFeature") -> None:
        super().__init__()
        self.speakers = speakers


def _until_counted(hook: Any) -> Any:
    def until_counted(step: str, artifact: Any, **told: Any) -> None:
        hook(step, artifact, **told)
        if step == "speaker_counting":
            raise _Counted(artifact)

    return until_counted
