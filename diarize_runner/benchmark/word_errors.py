"""Count the words that a transcript has wrong, with jiwer.

Case, punctuation and line ends are ignored, and a hyphen separates words. Numbers and spellings are compared as
written: the normaliser of Whisper's authors changes them, and so gives lower rates.
"""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.errors import UsageError
from diarize_runner.transcript.model import Transcript
from diarize_runner.transcript.read import read


@dataclass(frozen=True, kw_only=True, slots=True)
class WordErrors:
    """The differences between a transcript and its reference, in words."""

    words: int
    """Of the reference."""
    substitutions: int
    insertions: int
    deletions: int

    @property
    def errors(self) -> int:
        """Their number."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """The word error rate (WER): errors / words of the reference, as a fraction."""
        return self.errors / self.words


def count_word_errors(transcript: Transcript, reference: Path) -> WordErrors:
    """Compare a transcript with a reference in any format that `transcript.read` accepts.

    Raises:
        TranscriptError: the reference cannot be read.
        UsageError: the reference has no words.
    """
    import jiwer

    words = _normalise(read(reference))
    if not words:
        raise UsageError(f"{reference} has no words", hint="name the transcript that a person wrote")
    found = jiwer.process_words(words, _normalise(transcript))
    return WordErrors(
        words=found.hits + found.substitutions + found.deletions,
        substitutions=found.substitutions,
        insertions=found.insertions,
        deletions=found.deletions,
    )


def _normalise(transcript: Transcript) -> str:
    import jiwer

    text = " ".join(segment.text for segment in transcript.segments).replace("-", " ")
    without_punctuation = jiwer.RemovePunctuation()  # type: ignore[no-untyped-call]  # the only one without annotations
    steps = [jiwer.ToLowerCase(), without_punctuation, jiwer.RemoveMultipleSpaces(), jiwer.Strip()]
    return str(jiwer.Compose(steps)(text))
