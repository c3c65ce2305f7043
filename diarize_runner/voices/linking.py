"""Give the speakers of several recordings common labels, one recording after the other.

An equal label claims the same person. So two speakers of one recording never get one label, and a speaker whose voice
is not known gets a new one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

from diarize_runner.voices.pairing import pair

if TYPE_CHECKING:
    from diarize_runner.diarization.voices import Embedding, SpeakerVoice

DEFAULT_LINK_THRESHOLD: Final = 0.6
"""Cosine. In docs/benchmarks/linking-2026-11-30.json, it links the people of the reference without an error, at 16 kHz
and by telephone, in each of 20 orders. 0.55 merges people by telephone in some orders; 0.65 splits some at 16 kHz."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeardVoices:
    """The labels of the speakers in all recordings so far, and their voices."""

    labels: frozenset[str] = frozenset()
    sums: Mapping[str, "Embedding"] = field(default_factory=dict, repr=False)
    """By label: of the embeddings, each times its seconds of speech. A speaker who says little has none."""

    def label(
        self,
        speakers: Sequence[str],
        voices: Mapping[str, "SpeakerVoice"],
        threshold: float,
        taken: Collection[str] = (),
    ) -> dict[str, str]:
        """Return the common label of each speaker of the next recording, by the speaker's own label.

        A speaker whose voice resembles one heard before, by a cosine of `threshold` at least, gets its label. Others
        keep their own label if it is free, else get the lowest free one; `taken` are not free either.
        """
        known = self._recognise(voices, threshold)
        used = {*self.labels, *taken}
        labels = dict(known)
        for speaker in speakers:
            if speaker not in known:
                labels[speaker] = speaker if speaker not in used else _lowest_free(used)
                used.add(labels[speaker])
        return labels

    def add(self, labels: Mapping[str, str], voices: Mapping[str, "SpeakerVoice"]) -> "HeardVoices":
        """Return the voices with those of a recording whose speakers have these labels."""
        sums = dict(self.sums)
        for speaker, voice in voices.items():
            label, weighted = labels[speaker], voice.embedding * voice.seconds
            sums[label] = sums[label] + weighted if label in sums else weighted
        return HeardVoices(labels=self.labels | set(labels.values()), sums=sums)

    def _recognise(self, voices: Mapping[str, "SpeakerVoice"], threshold: float) -> dict[str, str]:
        """Return the labels of the speakers whose voices were heard before; each label once."""
        if not voices or not self.sums:
            return {}
        import numpy as np  # here: every --help imports this module, also where only the base is installed

        heard = np.stack(list(self.sums.values()))
        units = heard / np.linalg.norm(heard, axis=1, keepdims=True)
        cosines = np.stack([voice.embedding for voice in voices.values()]) @ units.T
        speakers, labels = list(voices), list(self.sums)
        return {speakers[row]: labels[column] for row, column in pair(cosines, threshold)}


def _lowest_free(used: Collection[str]) -> str:
    return next(label for number in count() if (label := f"SPEAKER_{number:02d}") not in used)
