"""Who said each segment: the speaker heard most while it lasts.

1. Only the exclusive turns count: one speaker at a time, as the transcriber too hears one.
2. A segment goes to the speaker with the largest sum of overlap over all turns; one long turn does not
   beat two that together are longer.
3. Where two speakers are heard for the same time, it goes to the one heard first in the segment.
4. A segment that overlaps no turn goes to the turn whose edge is nearest, the earlier of two as near,
   if that edge is within reach; else to nobody.
5. A segment without length belongs to the turn around it; between two turns rule 4 decides.

Times are compared to the microsecond: 0.3 s is 0.3 s wherever in the recording it lies.
"""

from collections.abc import Sequence

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, Span, Transcript

# Scoring forgives 0.25 s around a turn's edge (the NIST collar), because nobody can place one better;
# a segment's edge is no more certain, and two such errors add up.
REACH = 0.5


def assign_speakers(transcript: Transcript, diarization: Diarization, *, reach: float = REACH) -> LabelledTranscript:
    """Give each segment its speaker; `reach` is how many seconds of silence may lie between the two."""
    speakers = _speakers_of(transcript.segments, diarization.exclusive_turns, reach)
    segments = tuple(
        LabelledSegment(start=segment.start, end=segment.end, text=segment.text, speaker=speaker)
        for segment, speaker in zip(transcript.segments, speakers, strict=True)
    )
    return LabelledTranscript(uri=diarization.uri, segments=segments, diarization=diarization)


def _speakers_of(spans: Sequence[Span], exclusive: Sequence[SpeakerTurn], reach: float) -> list[str | None]:
    """Sweep both lists in order of start, meeting only turns that touch the span; answer in the order of `spans`."""
    turns = [turn for turn in exclusive if turn.duration]
    speakers: list[str | None] = [None] * len(spans)
    going_on = 0
    for position, span in sorted(enumerate(spans), key=lambda numbered: numbered[1].start):
        while going_on < len(turns) and turns[going_on].end <= span.start:
            going_on += 1
        heard = _heard(span, turns, going_on)
        neighbours = turns[max(going_on - 1, 0) : going_on + 1]
        speakers[position] = _longest(heard) if heard else _nearest(span, neighbours, reach)
    return speakers


def _heard(span: Span, turns: Sequence[SpeakerTurn], going_on: int) -> dict[str, float]:
    """Seconds that each speaker is heard in the span, the first heard first."""
    heard: dict[str, float] = {}
    for index in range(going_on, len(turns)):
        turn = turns[index]
        if turn.start >= span.end:
            break
        overlap = min(turn.end, span.end) - max(turn.start, span.start)
        heard[turn.speaker] = heard.get(turn.speaker, 0.0) + overlap
    return heard


def _longest(heard: dict[str, float]) -> str:
    return max(heard, key=lambda speaker: _to_microseconds(heard[speaker]))


def _nearest(span: Span, turns: Sequence[SpeakerTurn], reach: float) -> str | None:
    def gap(turn: SpeakerTurn) -> float:
        return _to_microseconds(max(turn.start - span.end, span.start - turn.end))

    nearest = min(turns, key=gap, default=None)
    return nearest.speaker if nearest and gap(nearest) <= reach else None


def _to_microseconds(seconds: float) -> float:
    return round(seconds, 6)
