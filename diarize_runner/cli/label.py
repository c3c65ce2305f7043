"""`diarize-runner label`: assign the speakers of an RTTM file to a transcript, without the recording."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.naming import add_naming_options, requested_names
from diarize_runner.cli.output import Result
from diarize_runner.cli.output_options import JSON_STYLES, add_output_options, requested_outputs
from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn, uri_from_stem
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.transcript import read
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.exclusive import make_exclusive
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import field
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers
from diarize_runner.transcript.statistics import compute_statistics


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `label`."""
    parser.add_argument("rttm", type=Path, metavar="RTTM", help="who spoke when; in overlaps, the later turn wins")
    described = "what was said: JSON from a Whisper tool, SRT, WebVTT or STM"
    parser.add_argument("transcript", type=Path, metavar="TRANSCRIPT", help=described)
    described = "the recording's name in the RTTM file (default: its only one, else the transcript's name)"
    parser.add_argument("--uri", metavar="NAME", help=described)
    described = "the recording, to link from formats that name it"
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
    transcript = read.read(arguments.transcript)
    labelled = rename_speakers(assign_speakers(transcript, diarization, labelling_rules(arguments)), names)
    replace(outputs, recording=arguments.audio).write(labelled)
    files = {kind: str(path) for kind, path in outputs.paths.items()}
    document = {
        "uri": uri,
        "segments": len(transcript.segments),
        "pieces": len(labelled.segments),
        "without_speaker": sum(piece.speaker is None for piece in labelled.segments),
        "speakers": list(labelled.diarization.speakers),
        "statistics": [asdict(part) for part in compute_statistics(labelled)],
        "outputs": files,
    }
    text = (
        f"{uri}: {document['segments']} segments in {document['pieces']} pieces, {document['without_speaker']} "
        f"without a speaker; speakers: {', '.join(labelled.diarization.speakers)}"
    )
    return Result(
        document=document,
        text=(text, *(f"  {kind:<8} {path}" for kind, path in files.items())),
        data="" if files else JSON_STYLES[arguments.json_style].render(Document(transcript=labelled)),
    )


def _require_known(names: SpeakerNames, diarization: Diarization, rttm: Path) -> None:
    unknown = [label for label in names if label not in diarization.speakers]
    if unknown:
        hint = f"name one of {', '.join(diarization.speakers)}"
        raise UsageError(f"{rttm} has no speaker {unknown[0]!r} in {diarization.uri}", hint=hint)


def _turns(
    arguments: argparse.Namespace, turns_of: Mapping[str, tuple[SpeakerTurn, ...]]
) -> tuple[str, tuple[SpeakerTurn, ...]]:
    """Return the recording that `--uri` names, else the only one, else the one named like the transcript."""
    namesake = field(uri_from_stem(arguments.transcript.stem))  # as RTTM has it
    uri = arguments.uri or (next(iter(turns_of)) if len(turns_of) == 1 else namesake)
    if uri not in turns_of:
        hint = f"name one of them with --uri: {', '.join(sorted(turns_of))}"
        raise UsageError(f"{arguments.rttm} has no recording {uri!r}", hint=hint)
    return uri, turns_of[uri]
