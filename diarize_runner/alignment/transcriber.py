"""Transcribe, then align."""

from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.alignment.aligner import Aligner
from diarize_runner.alignment.models import require_alignment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.progress import Progress
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import CHILD, Transcriber, Transcription

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording


class AligningTranscriber(Transcriber):
    """Transcribes like its base class, and then aligns the words; it has two child processes."""

    def __init__(
        self, cache: VerifiedCache, options: TranscriptionOptions, python: Path, *, child: str = CHILD
    ) -> None:
        """Check the options against the cache; `python` is an interpreter that has whisperX.

        Raises:
            UsageError: the cache has no such model, or none to align the language.
        """
        super().__init__(cache, options, child=child)
        self._aligner = Aligner(cache, python)

    def use(self, options: TranscriptionOptions) -> None:
        """Do the same as the base class; raise UsageError if the cache has no model to align the language, too."""
        super().use(options)
        require_alignment(self._cache.manifest, "en" if self.model.name.endswith(".en") else options.language)

    def transcribe(self, recording: "Recording", progress: Progress) -> Transcription:
        """Return what was said. Raises as the base class and `Aligner.align` do."""
        return self._aligner.align(super().transcribe(recording, progress), recording, progress)

    def start(self) -> None:
        """Start both child processes, if they do not run."""
        super().start()
        self._aligner.start()

    def cancel(self) -> None:
        """Stop the recording of another thread, which raises Interrupted, and free the memory."""
        super().cancel()
        self._aligner.cancel()

    def close(self) -> None:
        """End both child processes."""
        super().close()
        self._aligner.close()
