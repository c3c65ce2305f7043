"""Who said each word, and each segment.

1. Only the exclusive turns give labels: one speaker at a time, as the transcriber too hears one.
2. A word goes to the speaker with the largest sum of overlap over all turns; one long turn does not beat two that
   together are longer. Only its first second counts: aligners let words go on through the silence after them.
3. A word that overlaps no turn goes to the turn whose edge is nearest, if that is within reach; else to nobody.
   A word without length belongs to the turn around it.
4. Of equals a word goes to the speaker of the word before it in the segment, then to the one whose turn's centre is
   nearer, whose turn is earlier, whose label is first in the alphabet.
5. A segment with words goes to the speaker who has most of their time, the first of equals. One without words is
   labelled as a word is, over the whole of its time.
6. A segment with words is split where its speaker changes, if every piece is large enough (`rules.Guards`). The
   pieces' texts together are its text.

Turns with overlaps say who else is heard meanwhile. Every rule has its number of seconds, or its switch, in `Rules`.
"""

from collections.abc import Iterator, Sequence

from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.bounds import MOST_STEPS
from diarize_runner.transcript.hearing import Hearing, Label, Time, microseconds
from diarize_runner.transcript.model import (
    Attribution,
    How,
    LabelledSegment,
    LabelledTranscript,
    LabelledWord,
    Segment,
    Transcript,
    Word,
)
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcript.smoothing import smoothed
from diarize_runner.transcript.splitting import split

DEFAULT_RULES = Rules()

_STRONGEST_FIRST: tuple[How, ...] = ("overlap", "nearest", "smoothed", "none")


def assign_speakers(
    transcript: Transcript, diarization: Diarization, rules: Rules = DEFAULT_RULES
) -> LabelledTranscript:
    """Give each segment, and each word, its speaker.

    Raises:
        TranscriptError: it overlaps with so many turns that this would take minutes: more than `bounds.MOST_STEPS`.
    """
    assigner = _Assigner(diarization, rules)
    assigner.require_affordable(transcript)
    segments = tuple(piece for segment in transcript.segments for piece in assigner.pieces(segment))
    return LabelledTranscript(uri=diarization.uri, segments=segments, diarization=diarization)


class _Assigner:
    def __init__(self, diarization: Diarization, rules: Rules) -> None:
        self._hearing = Hearing(diarization, rules.reach)
        self._rules = rules
        self._longest_word = microseconds(rules.longest_word)

    def require_affordable(self, transcript: Transcript) -> None:
        """Raise TranscriptError at the segment that would take the labelling beyond MOST_STEPS."""
        steps = 0
        for number, segment in enumerate(transcript.segments, start=1):
            times = self._listened_to(segment.words) or [(microseconds(segment.start), microseconds(segment.end))]
            steps += self._hearing.steps((times[0][0], times[-1][1])) + sum(map(self._hearing.steps, times))
            if steps > MOST_STEPS:
                raise TranscriptError(
                    f"the transcript's first {number} segments overlap with too many speaker turns to compare them all",
                    hint="check the times of its segments: they say when each was spoken",
                )

    def pieces(self, segment: Segment) -> Iterator[LabelledSegment]:
        """Label a segment, in pieces where it is split."""
        times = self._listened_to(segment.words)
        labels = self._labels(times)
        if self._rules.smooth:
            labels = smoothed(segment, times, labels, self._rules.smooth)
        for piece in split(segment, times, labels, self._rules.split):
            own = slice(piece.first, piece.after)
            words = tuple(map(_labelled, segment.words[own], labels[own]))
            label = self._of_words(times[own], labels[own]) if words else self._of_whole(segment)
            yield LabelledSegment(
                start=piece.start,
                end=piece.end,
                text=piece.text,
                speaker=label.speaker,
                words=words,
                attribution=label.attribution,
            )

    def _listened_to(self, words: Sequence[Word]) -> list[Time]:
        starts = [microseconds(word.start) for word in words]
        return [
            (start, min(microseconds(word.end), start + self._longest_word))
            for start, word in zip(starts, words, strict=True)
        ]

    def _labels(self, times: Sequence[Time]) -> list[Label]:
        chosen: list[Label] = []
        for equals in self._hearing.labels(times):
            chosen.append(equals[0] if len(equals) == 1 else _as_before(chosen, equals))
        return chosen

    def _of_whole(self, segment: Segment) -> Label:
        (equals,) = self._hearing.labels([(microseconds(segment.start), microseconds(segment.end))])
        return equals[0]

    def _of_words(self, times: Sequence[Time], labels: Sequence[Label]) -> Label:
        speaker, how, share = _most_heard(times, labels)
        also = self._hearing.others((times[0][0], times[-1][1]), speaker)
        return Label(speaker, Attribution(how=how, share=share, also=also))


def _as_before(chosen: Sequence[Label], equals: Sequence[Label]) -> Label:
    return next((label for label in equals if chosen and label.speaker == chosen[-1].speaker), equals[0])


def _most_heard(times: Sequence[Time], labels: Sequence[Label]) -> tuple[str | None, How, float]:
    """Return who has most of the words' time, or of the words where nobody is heard; the first of equals."""
    if labels[0].attribution.share == 1.0 and all(label is labels[0] for label in labels):  # as most are
        return labels[0].speaker, "overlap", 1.0
    words: dict[str | None, int] = {}
    heard: dict[str | None, int] = {None: -1}  # nobody comes after everybody
    for (start, end), label in zip(times, labels, strict=True):
        words[label.speaker] = words.get(label.speaker, 0) + 1
        if label.speaker is not None:
            heard[label.speaker] = heard.get(label.speaker, 0) + round((end - start) * label.attribution.share)
    speaker = max(words, key=lambda each: (heard[each], words[each]))
    hows = {label.attribution.how for label in labels if label.speaker == speaker}
    total = sum(end - start for start, end in times)
    share = max(0.0, heard[speaker] / total) if total else 0.0
    return speaker, next(how for how in _STRONGEST_FIRST if how in hows), share


def _labelled(word: Word, label: Label) -> LabelledWord:
    return LabelledWord(
        start=word.start,
        end=word.end,
        text=word.text,
        interpolated=word.interpolated,
        speaker=label.speaker,
        attribution=label.attribution,
    )
