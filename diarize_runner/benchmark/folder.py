"""Read a folder of recordings with references.

NAME.wav (or FLAC, MP3, ...), NAME.rttm, and optionally NAME.uem, and NAME.stm: what was said, for WER.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.uem import read_uem
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import SpeakerTurn, uri_from_stem
from diarize_runner.disk import disk_errors
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

_log = logging.getLogger(__name__)

AUDIO_SUFFIXES = (
    *(".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".oga"),
    *(".ogg", ".opus", ".rf64", ".sph", ".w64", ".wav", ".webm", ".wma", ".wv"),
)
"""Suffixes of recordings; other files in the folder are ignored."""
_TOLERANCE = 0.5
"""Seconds that a reference may exceed its recording by: encoders cut and pad ends."""


def read_folder(folder: Path) -> tuple[WorkItem, ...]:
    """Return the recordings of a folder, sorted by name.

    Raises:
        UsageError: the folder has no recording, a recording lacks its reference, or a reference names another one.
        RttmError: a reference cannot be read.
        DiskError: the folder cannot be read.
    """
    with disk_errors(folder):
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    recordings = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    _require_pairs(folder, recordings, [path for path in files if path.suffix.lower() in (".rttm", ".uem")])
    return tuple(_item(audio, set(files)) for audio in recordings)


def require_references_fit(items: Sequence[WorkItem], progress: Progress) -> None:
    """Decode each recording and compare its duration with its reference: diarizing takes much longer.

    Raises:
        UsageError: a reference or a UEM file goes on after the end of its recording.
        AudioError: a recording cannot be decoded.
    """
    for number, item in enumerate(items, start=1):
        duration = decode(item.audio).duration
        for path, end in _ends(item):
            if end > duration + _TOLERANCE:
                problem = f"{path} goes on to {end:.1f} s, but {item.audio.name} ends at {duration:.1f} s"
                raise UsageError(problem, hint="check that both belong to one recording")
        progress.advance("check references", completed=number, total=len(items))


def _require_pairs(folder: Path, recordings: Sequence[Path], references: Iterable[Path]) -> None:
    if not recordings:
        hint = "put NAME.wav (or FLAC, MP3, ...) and NAME.rttm into it, for each recording"
        raise UsageError(f"{folder} holds no recording", hint=hint)
    audio_by_stem: dict[str, Path] = {}
    for audio in recordings:
        other = audio_by_stem.setdefault(audio.stem, audio)
        if other != audio:
            raise UsageError(f"{other} and {audio.name} would share a reference", hint="remove or rename one of them")
    for path in references:
        if path.stem not in audio_by_stem:
            raise UsageError(f"{path} has no recording in its folder", hint=f"add the recording, or remove {path.name}")


def _item(audio: Path, files: set[Path]) -> WorkItem:
    """Return a recording with its reference, both read and checked."""
    reference, uem, spoken = (audio.with_suffix(suffix) for suffix in (".rttm", ".uem", ".stm"))
    if reference not in files:
        hint = f"write its speaker turns to {reference.name}, or remove the recording"
        raise UsageError(f"{audio} has no reference {reference.name}", hint=hint)
    item = WorkItem(
        audio=audio,
        reference=reference,
        uem=uem if uem in files else None,
        spoken=spoken if spoken in files else None,
    )
    uri = uri_from_stem(audio.stem)
    named = read_rttm(reference)
    if not named:
        raise UsageError(f"{reference} has no speaker turn", hint="remove the recording, or add its speaker turns")
    if other := next((name for name in named if name != uri), None):
        hint = f"write {uri} in the second field of each line, or rename the file"
        raise UsageError(f"{reference} names the recording {other}, not {uri}", hint=hint)
    for speaker in sorted(_overlapping_themselves(named[uri])):
        _log.warning("%s: turns of %s overlap each other, and each counts as speech", reference, speaker)
    if item.uem:
        read_uem(item.uem, uri)
    return item


def _overlapping_themselves(turns: Sequence[SpeakerTurn]) -> set[str]:
    """Return the speakers who start a turn before their last one ends; `turns` are in order of time."""
    ends: dict[str, float] = {}
    found = set()
    for turn in turns:
        if turn.start < ends.get(turn.speaker, 0.0):
            found.add(turn.speaker)
        ends[turn.speaker] = max(turn.end, ends.get(turn.speaker, 0.0))
    return found


def _ends(item: WorkItem) -> Iterator[tuple[Path, float]]:
    """Yield each file of the reference, with the end of its last turn or region in seconds."""
    if item.reference:
        yield item.reference, max(turn.end for turns in read_rttm(item.reference).values() for turn in turns)
    if item.uem:
        yield item.uem, max(end for _, end in read_uem(item.uem, uri_from_stem(item.audio.stem)))
