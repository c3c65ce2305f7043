from pathlib import Path

import pytest

from diarize_runner.diarization.turns import Diarization, SpeakerHints, SpeakerTurn, rename_by_first_appearance
from diarize_runner.digests import Digest
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.provenance import CacheReference, Provenance
from diarize_runner.transcript.model import (
    Attribution,
    LabelledSegment,
    LabelledTranscript,
    LabelledWord,
    Segment,
    Transcript,
)
from diarize_runner.transcript.read import read


def read_turns(rttm: Path) -> list[SpeakerTurn]:
    lines = [line.split() for line in rttm.read_text().splitlines()]
    return [
        SpeakerTurn(start=float(onset), end=float(onset) + float(duration), speaker=speaker)
        for _, _, _, onset, duration, _, _, speaker, *_ in lines
    ]


@pytest.fixture
def sample() -> Path:
    """The folder of a real transcript and its turns."""
    return Path(__file__).parents[2] / "vectors" / "pyannote-sample"


@pytest.fixture
def sample_diarization(sample) -> Diarization:
    turns, exclusive = read_turns(sample / "sample.rttm"), read_turns(sample / "sample-exclusive.rttm")
    return rename_by_first_appearance("sample", turns, exclusive)


@pytest.fixture
def labelled_sample(sample, sample_diarization) -> LabelledTranscript:
    return assign_speakers(read(sample / "sample.stm"), sample_diarization)


@pytest.fixture
def provenance() -> Provenance:
    one, two, three, four = (Digest(hex=digit * 64) for digit in "1234")
    return Provenance(
        tool="diarize-runner 0.0",
        cache=CacheReference(name="tiny", version="1.0", manifest=one, requirements=two),
        engine="exact",
        device="cpu",
        packages={"torch": "2.0"},
        audio=three,
        audio_seconds=30.0,
        transcript=four,
        hints=SpeakerHints(at_least=2),
    )


@pytest.fixture
def meeting(provenance) -> Document:
    """A short recording with all that a result can hold; tests/golden/transcript has it in each format."""
    turns = tuple(
        SpeakerTurn(start=start, end=end, speaker=speaker)
        for start, end, speaker in [(0.5, 4.2, "SPEAKER_00"), (3.9, 9.75, "SPEAKER_01"), (12.0, 29.5, "SPEAKER_00")]
    )
    alone, overlapped = (
        Attribution(how="overlap", share=1.0),
        Attribution(how="overlap", share=0.91, also=("SPEAKER_00",)),
    )
    words = tuple(
        LabelledWord(
            start=start, end=end, text=text, speaker="SPEAKER_00", attribution=alone, interpolated=interpolated
        )
        for start, end, text, interpolated in [
            (0.6, 1.1, " Shall", False),
            (1.1, 1.4, " we", True),
            (1.5, 2.25, " begin?", False),
        ]
    )
    segments = (
        LabelledSegment(
            start=0.6, end=2.25, text="Shall we begin?", speaker="SPEAKER_00", words=words, attribution=alone
        ),
        LabelledSegment(
            start=3.9, end=7.0, text='Yes: R&D, <then> "sales".', speaker="SPEAKER_01", attribution=overlapped
        ),
        LabelledSegment(start=7.2, end=9.5, text="Größe zuerst - 5 --> 3.", speaker="SPEAKER_01", attribution=alone),
        LabelledSegment(start=10.8, end=11.3, text="Hm?", speaker=None, attribution=Attribution(how="none")),
        LabelledSegment(start=12.25, end=29.375, text="So.", speaker="SPEAKER_00", attribution=alone),
    )
    diarization = Diarization(uri="meeting", turns=turns, exclusive_turns=turns[:1] + turns[2:])
    transcript = LabelledTranscript(uri="meeting", segments=segments, diarization=diarization)
    return Document(transcript=transcript, media="in/meeting.wav", audio_src="in/meeting.wav", provenance=provenance)


@pytest.fixture
def exchange() -> LabelledTranscript:
    """Two segments; the second speaker starts before the first ends."""
    first = SpeakerTurn(start=0.0, end=2.8, speaker="SPEAKER_00")
    second = SpeakerTurn(start=2.5, end=5.2, speaker="SPEAKER_01")
    first_exclusive = SpeakerTurn(start=0.0, end=2.5, speaker="SPEAKER_00")
    diarization = Diarization(uri="call", turns=(first, second), exclusive_turns=(first_exclusive, second))
    segments = (
        Segment(start=0.0, end=2.5, text="Hello"),
        Segment(start=2.5, end=5.0, text="Hi there"),
    )
    return assign_speakers(Transcript(segments=segments), diarization)
