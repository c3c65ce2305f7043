"""`diarize-runner label`: assign the speakers of an RTTM file to a transcript, without the recording."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.naming import add_naming_options, requested_names
from diarize_runner.cli.output import Result
from diarize_runner.cli.output_options import add_output_options, json_format, requested_outputs
from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn, uri_from_stem
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.transcript import read
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.exclusive import make_exclusive
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import field, one_line
from diarize_runner.transcript.model import LabelledTranscript, Transcript
from diarize_runner.transcript.names import possible_uris
from diarize_runner.transcript.review import review
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers
from diarize_runner.transcript.statistics import compute_statistics


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `label`."""
    parser.add_argument(
        "rttm",
        type=Path,
        metavar="RTTM",
        help="who spoke when; overlapped speech goes to the speaker whose turn starts later",
    )
    described = "what was said: JSON from a transcriber, SRT, WebVTT or STM"
    parser.add_argument("transcript", type=Path, metavar="TRANSCRIPT", help=described)
    described = "name of the recording in the RTTM file (default: the only one in it, else the transcript's name)"
    parser.add_argument("--uri", metavar="NAME", help=described)
    described = "path of the recording, which HTML and other outputs link to"
    parser.add_argument("-a", "--audio", type=Path, metavar="AUDIO", help=described)
    add_labelling_options(parser)
    add_naming_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Label the transcript; write JSON to stdout where no output file is named."""
    recording = [arguments.audio] if arguments.audio else []
    names = requested_names(arguments)
    listed = [arguments.names] if arguments.names else []
    outputs = requested_outputs(arguments, [*recording, arguments.transcript, arguments.rttm, *listed])
    uri, turns = _turns(arguments, read_rttm(arguments.rttm))
    diarization = Diarization(uri=uri, turns=turns, exclusive_turns=make_exclusive(turns))
    _require_known(names, diarization, arguments.rttm)
    labelled = _label(arguments, diarization, names)
    replace(outputs, recording=arguments.audio).write(labelled.result)
    files = {kind: str(path) for kind, path in outputs.paths.items()}
    return Result(
        document={**_describe(labelled), "outputs": files},
        text=(*_summarize(labelled), *(f"  {kind:<8} {path}" for kind, path in files.items())),
        data="" if files else json_format(arguments).render(Document(transcript=labelled.result)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Labelled:
    segments: int
    """Before splits."""
    result: LabelledTranscript

    @property
    def without_speaker(self) -> int:
        return sum(piece.speaker is None for piece in self.result.segments)


def _label(arguments: argparse.Namespace, diarization: Diarization, names: SpeakerNames) -> _Labelled:
    transcript = read.read(arguments.transcript)
    labelled = assign_speakers(transcript, diarization, labelling_rules(arguments))
    uris = () if arguments.uri else _names_of(transcript, arguments, diarization.uri)
    reviewed = review(labelled, names=uris)
    return _Labelled(segments=len(transcript.segments), result=rename_speakers(reviewed, names))


def _names_of(transcript: Transcript, arguments: argparse.Namespace, uri: str) -> Sequence[str]:
    """Return what the transcript calls its recording; its file name counts if the RTTM file has its recording's."""
    if transcript.recording:
        return [transcript.recording]
    is_namesake = field(uri_from_stem(arguments.rttm.stem)) == uri
    return _uris_of(arguments.transcript) if is_namesake else ()


def _describe(labelled: _Labelled) -> dict[str, object]:
    result = labelled.result
    return {
        "uri": result.uri,
        "segments": labelled.segments,
        "pieces": len(result.segments),
        "without_speaker": labelled.without_speaker,
        "speakers": list(result.diarization.speakers),
        "statistics": [asdict(part) for part in compute_statistics(result)],
        "warnings": list(result.warnings),
    }


def _summarize(labelled: _Labelled) -> Iterator[str]:
    result = labelled.result
    yield (
        f"{result.uri}: {labelled.segments} segments in {len(result.segments)} pieces, {labelled.without_speaker} "
        f"without a speaker; speakers: {', '.join(result.diarization.speakers) or 'none'}"
    )
    yield from (f"  warning: {one_line(warning)}" for warning in result.warnings)


def _require_known(names: SpeakerNames, diarization: Diarization, rttm: Path) -> None:
    unknown = [label for label in names if label not in diarization.speakers]
    if unknown:
        known = ", ".join(diarization.speakers)
        hint = f"name one of {known}" if known else "it has no speaker turns"
        raise UsageError(f"{rttm} has no speaker {unknown[0]!r} in {diarization.uri}", hint=hint)


def _turns(
    arguments: argparse.Namespace, turns_of: Mapping[str, tuple[SpeakerTurn, ...]]
) -> tuple[str, tuple[SpeakerTurn, ...]]:
    """Return the recording that `--uri` names, else the only one, else the one named like the transcript.

    Nobody speaks in a file without turns: it names no recording, and so fits any.
    """
    namesakes = _uris_of(arguments.transcript)
    known = [*turns_of] or [arguments.uri or namesakes[-1]]
    named = [arguments.uri] if arguments.uri else known if len(known) == 1 else namesakes
    uri = next((name for name in named if name in known), None)
    if uri is None:
        hint = f"name one of them with --uri: {', '.join(sorted(turns_of))}"
        raise UsageError(f"{arguments.rttm} has no recording {named[0]!r}", hint=hint)
    return uri, turns_of.get(uri, ())


def _uris_of(transcript: Path) -> list[str]:
    """Return the names that RTTM may give the recording of a transcript."""
    return [field(uri_from_stem(name)) for name in possible_uris(transcript)]
