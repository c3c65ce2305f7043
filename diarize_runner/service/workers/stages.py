"""The progress of a job, from that of its stages."""

from collections.abc import Mapping
from typing import Final

from diarize_runner.service.work import TaskName

_Spans = Mapping[str, tuple[float, float]]
_DIARIZATION: Final[_Spans] = {"segmentation": (0.0, 0.3), "embeddings": (0.3, 0.95), "clustering": (0.95, 1.0)}
_TRANSCRIPTION: Final[_Spans] = {"transcription": (0.0, 1.0)}
_SPEECH: Final[_Spans] = {"segmentation": (0.0, 1.0)}
_TRANSCRIPTION_SHARE: Final = 0.5
"""Of the time of a job that transcribes and diarizes; it depends on the model and the device."""


def _within(spans: _Spans, begin: float, end: float) -> _Spans:
    return {
        stage: (begin + (end - begin) * first, begin + (end - begin) * last) for stage, (first, last) in spans.items()
    }


_SPANS: Final[Mapping[TaskName, _Spans]] = {
    "diarize": _DIARIZATION,
    "vad": _SPEECH,
    "transcribe": _TRANSCRIPTION,
    "run": {
        **_within(_TRANSCRIPTION, 0.0, _TRANSCRIPTION_SHARE),
        **_within(_DIARIZATION, _TRANSCRIPTION_SHARE, 1.0),
    },
}
"""Where each stage begins and ends within a job. A stage that is not here, such as loading, moves nothing."""


def job_progress(task: TaskName, stage: str, completed: int, total: int) -> float:
    """Return the progress of a job, from 0 to 1; 0 in a stage that says nothing of it."""
    begin, end = _SPANS[task].get(stage, (0.0, 0.0))
    return begin + (end - begin) * min(1.0, completed / total if total > 0 else 0.0)
