"""Diarize recordings, and embed their speakers, as the product does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.linking.recordings import Known
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import NO_HINTS, Diarization
from diarize_runner.diarization.voices import SpeakerVoice
from diarize_runner.progress import NoProgress

WIDE, TELEPHONE, BOTH = "16 kHz", "telephone", "both"
PIPELINE, REFERENCE = "pipeline", "reference"
_CARRIED: Mapping[str, Callable[[Known], Known]] = {WIDE: lambda known: known, TELEPHONE: Known.by_telephone}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Heard:
    """The speakers of one recording to link."""

    reference: Diarization
    diarization: Diarization
    """By the pipeline, or the reference itself."""
    voices: Mapping[str, SpeakerVoice]
    """By label of the diarization."""

    @property
    def speakers(self) -> list[str]:
        """Return the labels, by first appearance."""
        return list(dict.fromkeys(turn.speaker for turn in self.diarization.turns))


def hear(diarizer: Diarizer, recordings: Sequence[Known]) -> dict[tuple[str, str], list[Heard]]:
    """Return the recordings in each band, with the speakers of the pipeline and with those of the reference."""
    heard: dict[tuple[str, str], list[Heard]] = {}
    for band, carry in _CARRIED.items():
        carried = list(map(carry, recordings))
        heard[band, PIPELINE] = list(_diarized(diarizer, carried))
        heard[band, REFERENCE] = [_embedded(diarizer, known, known.reference) for known in carried]
    for found in (PIPELINE, REFERENCE):
        heard[BOTH, found] = _alternate(heard[WIDE, found], heard[TELEPHONE, found])
    return heard


def _diarized(diarizer: Diarizer, recordings: Sequence[Known]) -> Iterator[Heard]:
    for known in recordings:
        yield _embedded(diarizer, known, diarizer.diarize(known.recording, NO_HINTS, NoProgress()))


def _embedded(diarizer: Diarizer, known: Known, diarization: Diarization) -> Heard:
    voices = diarizer.embed_speakers(known.recording, diarization, NoProgress())
    return Heard(reference=known.reference, diarization=diarization, voices=voices)


def _alternate(wide: Sequence[Heard], narrow: Sequence[Heard]) -> list[Heard]:
    """Return the recordings, every second one by telephone."""
    return [pair[number % 2] for number, pair in enumerate(zip(wide, narrow, strict=True))]
