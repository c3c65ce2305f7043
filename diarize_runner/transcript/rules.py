"""The thresholds of speaker assignment."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitThresholds:
    """The minimum size of a piece when a segment is split where its speaker changes.

    To split at every change does harm: it exposes brief diarization errors, which the segment's majority hides. A
    measurement on some 150,000 words corrected 1482 words and broke 310; on some corpora it broke more than it
    corrected (https://github.com/kaixxx/noScribe/pull/341). The defaults are TalkTrack's
    (https://github.com/ObscureAintSecure/TalkTrack/issues/100); docs/adr/0011 has their effect here.
    """

    share: float = 0.2
    """Minimum share of the segment, from 0 to 1, of its speaker in all pieces together."""
    seconds: float = 1.0
    """Minimum time from the first word to the last."""
    words: int = 2
    """Minimum number of words that the transcriber timed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothingLimits:
    """The maximum size of a run of words that smoothing gives to the speaker on both sides in the sentence."""

    words: int = 2
    seconds: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How speakers are assigned."""

    # The NIST collar forgives 0.25 s around a turn's edge, the precision of human annotators. A word's edge is no more
    # precise, and the two errors add up.
    reach: float = 0.5
    """Maximum seconds of silence between a word and its speaker's turn."""
    # Aligners extend words through the silence after them: one syllable lasted 3.8 s
    # (https://github.com/suitenumerique/meet/issues/1323).
    longest_word: float = 1.0
    """Seconds of a word that count, from its start."""
    split: SplitThresholds | None = field(default_factory=SplitThresholds)
    """None splits no segment."""
    smooth: SmoothingLimits | None = None
    """None smooths nothing."""
