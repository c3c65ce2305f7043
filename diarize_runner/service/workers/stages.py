"""The progress of a job, from that of its stages, in whatever order they run."""

from collections.abc import Mapping
from typing import Final

from diarize_runner.service.work import TaskName

_DIARIZATION: Final = {"segmentation": 0.3, "embeddings": 0.65, "clustering": 0.05}
_TRANSCRIPTION_SHARE: Final = 0.5
"""Of the time of a job that transcribes and diarizes; it depends on the model and the device."""
_NAMING: Final = {"voices": 0.0}
"""Only jobs that ask for names embed the voices of speakers, which takes seconds."""
_SHARES: Final[Mapping[TaskName, Mapping[str, float]]] = {
    "diarize": {**_DIARIZATION, **_NAMING},
    "vad": {"segmentation": 1.0},
    "transcribe": {"transcription": 1.0},
    "run": {
        "transcription": _TRANSCRIPTION_SHARE,
        **{stage: share * (1 - _TRANSCRIPTION_SHARE) for stage, share in _DIARIZATION.items()},
        **_NAMING,
    },
}
"""The share of each stage in the time of a job. A stage that is not here, such as loading, moves nothing."""


def job_progress(task: TaskName, done: Mapping[str, float]) -> float:
    """Return the progress of a job, from 0 to 1; `done` has how far each stage is, from 0 to 1."""
    return sum(share * done.get(stage, 0.0) for stage, share in _SHARES[task].items())
