"""Find which enrolled voices the speakers of a recording are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from diarize_runner.voices.document import Voice
from diarize_runner.voices.pairing import pair

if TYPE_CHECKING:
    from diarize_runner.diarization.voices import Embedding

DEFAULT_THRESHOLD: Final = 0.6
"""Cosine. In docs/benchmarks/voices-2026-11-30.json, hardly any other person reaches it, even by telephone, where the
voices of different people are more alike: a wrong name is worse than none."""


def name_speakers(speakers: Mapping[str, "Embedding"], voices: Sequence[Voice], threshold: float) -> dict[str, str]:
    """Return names by label; a speaker whom no voice resembles has none.

    Of the embeddings of a voice, the most similar one counts. Each voice names at most one speaker (pairing.py).
    """
    if not speakers or not voices:
        return {}
    import numpy as np  # here: every --help imports this module, also where only the base is installed

    heard = np.stack(list(speakers.values()))
    cosines = np.stack([(heard @ np.array(voice.embeddings).T).max(axis=1) for voice in voices], axis=1)
    labels = list(speakers)
    return {labels[row]: voices[column].name for row, column in pair(cosines, threshold)}
