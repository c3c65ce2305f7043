"""The options of a transcription."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from diarize_runner.errors import UsageError
from diarize_runner.transcription.languages import parse_language

ComputeType = Literal["auto", "float16", "float32", "int8"]
COMPUTE_TYPES: Final[tuple[ComputeType, ...]] = get_args(ComputeType)
"""`auto` is float16 on cuda, and int8 on cpu."""
Task = Literal["transcribe", "translate"]
"""`translate` translates into English."""
DEFAULT_BATCH_SIZE: Final = 8
_MAX_BATCH_SIZE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptionOptions:
    """How to transcribe."""

    model: str | None = None
    """A name such as `large-v3`, or a repo_id; None for the first model of the cache."""
    language: str | None = None
    """A name, code or alias, such as `German`; it is kept as a code. None, or `auto`, to detect it."""
    task: Task = "transcribe"
    device: str = "auto"
    """`cuda`, `cpu` or `auto` (cuda if available)."""
    compute_type: ComputeType = "auto"
    batch_size: int = DEFAULT_BATCH_SIZE
    """Chunks that are decoded together; with 1, each chunk has the text before it as context. Always 1 without VAD."""
    vad: bool = True
    """Whether to transcribe only where there is speech. Without it, Whisper invents text in silence."""
    words: bool = True
    """Whether to time each word."""
    align: bool = False
    """Whether to take the times of words from forced alignment, with whisperX."""

    def __post_init__(self) -> None:
        """Replace the language's name by its code; raise UsageError if Whisper does not know the language."""
        object.__setattr__(self, "language", parse_language(self.language) if self.language else None)

    def require_possible(self) -> None:
        """Raise UsageError if the options contradict each other."""
        if self.device == "cpu" and self.compute_type == "float16":
            raise float16_on_cpu()
        if self.align and not self.words:
            raise UsageError("alignment needs the times of words", hint="leave out --no-words, or leave out --align")
        if self.align and self.task == "translate":
            raise UsageError("a translation cannot be aligned", hint="leave out --translate, or leave out --align")
        if not 1 <= self.batch_size <= _MAX_BATCH_SIZE:
            hint = f"use 1 to {_MAX_BATCH_SIZE}: the default is {DEFAULT_BATCH_SIZE}"
            raise UsageError(f"a batch of {self.batch_size} is not possible", hint=hint)


def float16_on_cpu() -> UsageError:
    """Return the error of a precision that no CPU computes."""
    return UsageError("float16 needs a GPU", hint="use --compute-type int8 or float32, or auto")


DEFAULT_OPTIONS: Final = TranscriptionOptions()
