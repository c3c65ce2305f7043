"""Read the scored regions of a recording from NIST UEM (un-partitioned evaluation map).

    meeting 1 0.000 30.000

The fields are: file, channel, start and end in seconds. Comments (`;;`) and blank lines are skipped. Specified in the
RT-09 evaluation plan, as RTTM: see transcript/formats/rttm.py.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from diarize_runner.benchmark.alignment import Region
from diarize_runner.bounds import OutOfBounds, check_value_count, decode_utf8, is_recording_time, read_file
from diarize_runner.errors import UsageError

_HINT = "write each line as: NAME 1 START END, in seconds"
_FIELDS = 4


def read_uem(path: Path, uri: str) -> tuple[Region, ...]:
    """Return the regions of the recording `uri`, in order; overlapping ones are joined.

    Raises:
        UsageError: the file cannot be read, a line is invalid or of another recording, or there is no region.
    """
    try:
        text = decode_utf8(read_file(path))
        check_value_count(text, separators="\n")
    except (OSError, UnicodeDecodeError, OutOfBounds) as reason:
        raise UsageError(f"{path}: not a UEM file: {reason}", hint=_HINT) from reason
    regions = tuple(_join(sorted(_regions(text, path, uri))))
    if not regions:
        raise UsageError(f"{path} has no region to score", hint=_HINT)
    return regions


def _regions(text: str, path: Path, uri: str) -> Iterator[Region]:
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split(maxsplit=_FIELDS)
        if not fields or line.startswith(";;"):
            continue
        try:
            name, _, start, end = fields
            region = float(start), float(end)
        except ValueError as reason:
            raise UsageError(f"{path}, line {number}: not a line of UEM", hint=_HINT) from reason
        if name != uri:
            raise UsageError(f"{path}, line {number} names the recording {name}, not {uri}", hint=f"name it {uri}")
        if not (all(map(is_recording_time, region)) and region[0] < region[1]):
            raise UsageError(f"{path}, line {number}: the region runs from {start} to {end} s", hint=_HINT)
        yield region


def _join(regions: Iterable[Region]) -> Iterator[Region]:
    open_region: Region | None = None
    for start, end in regions:
        if open_region and start <= open_region[1]:
            open_region = open_region[0], max(open_region[1], end)
            continue
        if open_region:
            yield open_region
        open_region = start, end
    if open_region:
        yield open_region
