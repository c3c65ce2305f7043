"""The options of commands that transcribe."""

import argparse

from diarize_runner.cli.speaker_options import positive
from diarize_runner.cli.transcription_config import add_config_option, apply_config
from diarize_runner.errors import UsageError
from diarize_runner.transcription.options import COMPUTE_TYPES, DEFAULT_OPTIONS, TranscriptionOptions


def add_transcription_options(parser: argparse.ArgumentParser) -> None:
    """Add them, except --device."""
    parser.set_defaults(transcript=None, transcribes=True)
    described = "a transcription model of the cache, such as small or large-v3 (default: the first one)"
    parser.add_argument("--model", metavar="NAME", help=described)
    described = "the language spoken, such as German or de; auto detects it (default: auto)"
    parser.add_argument("--language", metavar="NAME", help=described)
    parser.add_argument("--translate", action="store_true", help="translate into English")
    described = "precision; auto is float16 on a GPU and int8 on a CPU (default: auto)"
    parser.add_argument("--compute-type", "--compute_type", choices=COMPUTE_TYPES, help=described)
    described = (
        f"chunks to decode together; 1 gives each chunk the text before it (default: {DEFAULT_OPTIONS.batch_size})"
    )
    parser.add_argument("--batch-size", "--batch_size", type=positive, metavar="N", help=described)
    described = "transcribe the whole recording, not only where there is speech; slower, and invents text in silence"
    parser.add_argument("--no-vad", action="store_true", help=described)
    parser.add_argument("--no-words", action="store_true", help="time only segments, not each word")
    described = "take the times of words from forced alignment, with whisperX: see docs/models.md"
    parser.add_argument("--align", action="store_true", help=described)
    add_config_option(parser)


def add_transcribe_option(parser: argparse.ArgumentParser, described: str) -> None:
    """Add --transcribe, and the options that require it."""
    described += "; the options from --model to --config are for this"
    parser.add_argument("--transcribe", action="store_true", help=described)
    add_transcription_options(parser)


def requested_transcription(arguments: argparse.Namespace) -> TranscriptionOptions | None:
    """Return what the options request; None without --transcribe. Raises as `transcription_options` does.

    Raises:
        UsageError: there are options of the transcription without --transcribe.
    """
    options = transcription_options(arguments)
    if arguments.transcribe:
        return options
    if options != TranscriptionOptions(device=arguments.device):
        raise UsageError("options of the transcription require --transcribe", hint="add --transcribe")
    return None


def transcription_options(arguments: argparse.Namespace) -> TranscriptionOptions:
    """Return what the options and the file of --config request.

    Raises:
        UsageError: they contradict each other.
        ManifestError: the file cannot be read, or a value in it is wrong.
    """
    apply_config(arguments)
    options = TranscriptionOptions(
        model=arguments.model,
        language=arguments.language,
        task="translate" if arguments.translate else "transcribe",
        device=arguments.device,
        compute_type=arguments.compute_type or DEFAULT_OPTIONS.compute_type,
        batch_size=DEFAULT_OPTIONS.batch_size if arguments.batch_size is None else arguments.batch_size,
        vad=not arguments.no_vad,
        words=not arguments.no_words,
        align=arguments.align,
    )
    options.require_possible()
    return options
