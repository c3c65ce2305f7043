"""Assign a speaker to each word and each segment.

1. Labels come from the exclusive turns, which have one speaker at a time: a transcriber, too, writes down only one.
2. A word goes to the speaker whose turns overlap it longest in total. Only its first second counts, because aligners
   extend words through the silence after them.
3. A word that overlaps no turn goes to the turn with the nearest edge, at most `Rules.reach` away, or to no speaker.
   A word of zero length belongs to the turn around it.
4. A tie goes to the speaker of the previous word in the segment; if that speaker is not among the tied ones, to the
   turn with the nearest centre; then to the earlier turn; then to the alphabetically first label.
5. A segment with words goes to the speaker with most of the words' time; in a tie, to the one with most words, then to
   the one whose word comes first. A segment without words is labelled as a whole, by all of its time.
6. A segment with words is split where its speaker changes, if every piece is large enough (`rules.SplitThresholds`).
   Joined together, the texts of the pieces equal the text of the segment.

Other speakers heard at the same time come from the non-exclusive turns. `Rules` has every threshold.
"""

from collections.abc import Iterator, Sequence

from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.bounds import MAX_COMPARISONS
from diarize_runner.transcript.model import (
    Attribution,
    AttributionMethod,
    LabelledSegment,
    LabelledTranscript,
    LabelledWord,
    Segment,
    Transcript,
    Word,
)
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcript.smoothing import smooth_labels
from diarize_runner.transcript.speaker_index import Label, SpeakerIndex, TimeRange, to_microseconds
from diarize_runner.transcript.splitting import split_segment

DEFAULT_RULES = Rules()

_STRONGEST_FIRST: tuple[AttributionMethod, ...] = ("overlap", "nearest", "smoothed", "none")


def assign_speakers(
    transcript: Transcript, diarization: Diarization, rules: Rules = DEFAULT_RULES
) -> LabelledTranscript:
    """Return the transcript with a speaker for each segment and word.

    Raises:
        TranscriptError: labelling would need more than `bounds.MAX_COMPARISONS` comparisons, which takes minutes.
    """
    assigner = _Assigner(diarization, rules)
    assigner.check_comparisons(transcript)
    segments = tuple(piece for segment in transcript.segments for piece in assigner.label_segment(segment))
    return LabelledTranscript(
        uri=diarization.uri,
        segments=segments,
        diarization=diarization,
        language=transcript.language,
        warnings=transcript.warnings,
    )


class _Assigner:
    def __init__(self, diarization: Diarization, rules: Rules) -> None:
        self._index = SpeakerIndex(diarization, rules.reach)
        self._rules = rules
        self._longest_word = to_microseconds(rules.longest_word)

    def check_comparisons(self, transcript: Transcript) -> None:
        """Raise TranscriptError at the segment that would exceed MAX_COMPARISONS."""
        comparisons = 0
        for number, segment in enumerate(transcript.segments, start=1):
            whole = (to_microseconds(segment.start), to_microseconds(segment.end))
            times = self._capped_times(segment.words) or [whole]
            around = (times[0][0], times[-1][1])
            comparisons += sum(map(self._index.count_comparisons, [around, *times]))
            if comparisons > MAX_COMPARISONS:
                raise TranscriptError(
                    f"the transcript's first {number} segments overlap too many speaker turns",
                    hint="check the start and end times of its segments",
                )

    def label_segment(self, segment: Segment) -> Iterator[LabelledSegment]:
        """Yield the labelled pieces of a segment: one, unless it is split."""
        times = self._capped_times(segment.words)
        labels = self._choose_labels(times)
        if self._rules.smooth:
            labels = smooth_labels(segment, times, labels, self._rules.smooth)
        for piece in split_segment(segment, times, labels, self._rules.split):
            selected = slice(piece.first, piece.after)
            words = tuple(map(_labelled_word, segment.words[selected], labels[selected]))
            label = self._label_by_words(times[selected], labels[selected]) if words else self._label_by_time(segment)
            yield LabelledSegment(
                start=piece.start,
                end=piece.end,
                text=piece.text,
                speaker=label.speaker,
                words=words,
                attribution=label.attribution,
            )

    def _capped_times(self, words: Sequence[Word]) -> list[TimeRange]:
        starts = [to_microseconds(word.start) for word in words]
        return [
            (start, min(to_microseconds(word.end), start + self._longest_word))
            for start, word in zip(starts, words, strict=True)
        ]

    def _choose_labels(self, times: Sequence[TimeRange]) -> list[Label]:
        chosen: list[Label] = []
        for candidates in self._index.find_labels(times):
            chosen.append(candidates[0] if len(candidates) == 1 else _prefer_previous(chosen, candidates))
        return chosen

    def _label_by_time(self, segment: Segment) -> Label:
        (candidates,) = self._index.find_labels([(to_microseconds(segment.start), to_microseconds(segment.end))])
        return candidates[0]

    def _label_by_words(self, times: Sequence[TimeRange], labels: Sequence[Label]) -> Label:
        speaker, how, share = _find_majority(times, labels)
        also = self._index.find_others((times[0][0], times[-1][1]), speaker)
        return Label(speaker, Attribution(how=how, share=share, also=also))


def _prefer_previous(chosen: Sequence[Label], candidates: Sequence[Label]) -> Label:
    return next((label for label in candidates if chosen and label.speaker == chosen[-1].speaker), candidates[0])


def _find_majority(times: Sequence[TimeRange], labels: Sequence[Label]) -> tuple[str | None, AttributionMethod, float]:
    """Return the speaker with most of the words' time; on a tie, with most words; then the first."""
    if labels[0].attribution.share == 1.0 and all(label is labels[0] for label in labels):  # the usual case
        return labels[0].speaker, "overlap", 1.0
    counts: dict[str | None, int] = {}
    durations: dict[str | None, int] = {None: -1}  # below every speaker
    for (start, end), label in zip(times, labels, strict=True):
        counts[label.speaker] = counts.get(label.speaker, 0) + 1
        if label.speaker is not None:
            durations[label.speaker] = durations.get(label.speaker, 0) + round((end - start) * label.attribution.share)
    speaker = max(counts, key=lambda each: (durations[each], counts[each]))
    methods = {label.attribution.how for label in labels if label.speaker == speaker}
    total = sum(end - start for start, end in times)
    share = max(0.0, durations[speaker] / total) if total else 0.0
    return speaker, next(method for method in _STRONGEST_FIRST if method in methods), share


def _labelled_word(word: Word, label: Label) -> LabelledWord:
    return LabelledWord(
        start=word.start,
        end=word.end,
        text=word.text,
        interpolated=word.interpolated,
        score=word.score,
        speaker=label.speaker,
        attribution=label.attribution,
    )
