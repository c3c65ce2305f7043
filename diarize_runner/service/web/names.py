"""Names of speakers, and of files."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Query

from diarize_runner.service.web.problems import INVALID_REQUEST, Problem
from diarize_runner.transcript.speaker_names import SpeakerNames, collect_names, parse_name

_MOST_NAMES: Final = 200


def speaker_names(
    speaker: Annotated[
        list[str],
        Query(
            default_factory=list,
            description="LABEL=NAME, such as `SPEAKER_00=Ada`; repeat it for each speaker. The server keeps no names.",
            max_length=_MOST_NAMES,
        ),
    ],
) -> SpeakerNames:
    """Return the names by label; raise the problem of a name that cannot be used."""
    try:
        return collect_names(map(parse_name, speaker))
    except ValueError as error:
        raise Problem(INVALID_REQUEST, str(error), hint="write LABEL=NAME, such as SPEAKER_00=Ada") from error


def attachment(name: str) -> dict[str, str]:
    """Return the header of a file to save: https://www.rfc-editor.org/rfc/rfc6266."""
    return {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}


Names = Annotated[SpeakerNames, Depends(speaker_names)]
