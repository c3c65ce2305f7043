"""Give the same unknown voice the same label in all recordings of one command."""

from dataclasses import replace

from diarize_runner.digests import Digest
from diarize_runner.jobs.naming import Unnamed
from diarize_runner.transcript.formats.provenance import LinkedSpeakersReference, Provenance
from diarize_runner.transcript.speaker_names import SpeakerNames
from diarize_runner.voices.file import require_embedding_model
from diarize_runner.voices.linking import DEFAULT_LINK_THRESHOLD, HeardVoices


class LinkedSpeakers:
    """Labels speakers after the voices of the recordings before; keeps those voices in memory only."""

    def __init__(self, threshold: float = DEFAULT_LINK_THRESHOLD) -> None:
        self._threshold = threshold
        self._heard = HeardVoices()

    def require_model(self, model: Digest | None) -> None:
        """Raise VoiceError if the pipeline has no embedding model."""
        require_embedding_model(model)

    def names(self, unnamed: Unnamed) -> SpeakerNames:
        """Return a label for each speaker, and remember the voices."""
        labels = self._heard.label(unnamed.speakers, unnamed.voices, self._threshold, unnamed.taken)
        self._heard = self._heard.add(labels, unnamed.voices)
        return labels

    def recorded_in(self, provenance: Provenance) -> Provenance:
        """Return the provenance, with the threshold."""
        return replace(provenance, linked_speakers=LinkedSpeakersReference(threshold=self._threshold))
