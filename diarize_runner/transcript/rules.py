"""What the assignment of speakers goes by."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Guards:
    """What every piece must have for a segment to be split where its speaker changes.

    A cut wherever the words' labels change does harm: it shows every flicker of the diarization, which the segment's
    majority hides. In a measurement on some 150,000 words it mended 1482 and broke 310; on some corpora it broke more
    than it mended (https://github.com/kaixxx/noScribe/pull/341). These thresholds are those of TalkTrack
    (https://github.com/ObscureAintSecure/TalkTrack/issues/100); what they do here is in docs/adr/0011.
    """

    share: float = 0.2
    """The least part of the segment, from 0 to 1, that its speaker has in all pieces together."""
    seconds: float = 1.0
    """The least time, from its first word to its last."""
    words: int = 2
    """The least number of words with times of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Island:
    """The largest run of words that goes to the speaker on both sides of it in its sentence."""

    words: int = 2
    seconds: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How speakers are assigned."""

    # Scoring forgives 0.25 s around a turn's edge (the NIST collar), because nobody can place one better;
    # a word's edge is no more certain, and two such errors add up.
    reach: float = 0.5
    """Seconds of silence that may lie between a word and the turn it is given to."""
    # Aligners let a word go on through the silence after it: 3.8 s for a syllable was seen
    # (https://github.com/suitenumerique/meet/issues/1323).
    longest_word: float = 1.0
    """Seconds of a word that are listened to."""
    split: Guards | None = field(default_factory=Guards)
    """None leaves every segment whole."""
    smooth: Island | None = None
    """None leaves every word its own speaker."""
