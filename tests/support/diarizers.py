"""A diarizer without a model."""

from collections.abc import Callable
from dataclasses import dataclass, field

from diarize_runner.diarization.turns import SPEECH, Diarization, SpeakerTurn


def throughout(recording, speaker):
    turns = (SpeakerTurn(start=0.0, end=recording.duration, speaker=speaker),)
    return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)


@dataclass(kw_only=True)
class OneSpeaker:
    """Returns one speaker turn for the whole recording."""

    meanwhile: Callable[[str], None] = lambda uri: None
    """Called with the uri during each diarization."""
    device: str = "cpu"
    engine: str = "exact"
    diarized: list[str] = field(default_factory=list)
    hints: list[object] = field(default_factory=list)

    def diarize(self, recording, hints, progress):
        self.diarized.append(recording.uri)
        self.hints.append(hints)
        progress.advance("segmentation", completed=1, total=1)
        self.meanwhile(recording.uri)
        progress.advance("embeddings", completed=1, total=1)
        return throughout(recording, "SPEAKER_00")

    def detect_speech(self, recording, progress):
        return throughout(recording, SPEECH)

    def synchronise(self):
        pass
