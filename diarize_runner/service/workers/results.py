"""The files of a result, one for each format.

result-<lease>/<format>       such as `json`, `srt` and `rttm`, as the commands write them
result-<lease>/json-<style>   JSON in the shape of another tool
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from diarize_runner.disk import disk_errors, flush, flush_folders, write_new
from diarize_runner.jobs.job import Result
from diarize_runner.service.work import TaskName
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import JSON_STYLES, default_formats

_NEEDS_TURNS: Final = "rttm"
_DRAFT: Final = ".draft-"


def render(task: TaskName, result: Result) -> Mapping[str, bytes]:
    """Return the content of each file, by name."""
    document = Document(transcript=result.labelled, provenance=result.provenance)
    return {name: text.encode() for name, text in _rendered(task, result, document)}


def _rendered(task: TaskName, result: Result, document: Document) -> Iterator[tuple[str, str]]:
    has_transcript = bool(result.provenance.transcript)
    for name, each in default_formats(result.provenance).items():
        if (has_transcript or not each.needs_transcript) and (task != "transcribe" or name != _NEEDS_TURNS):
            yield name, each.render(document)
    for style, each in JSON_STYLES.items():
        yield f"json-{style}", each.render(document)


def write_result(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold these files; it appears whole, and replaces one that is there.

    Raises:
        DiskFull: there is no space.
        DiskError: the disk refuses a write for another reason.
    """
    draft = folder.with_name(f"{_DRAFT}{folder.name}")
    with disk_errors(folder.parent):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            for name, data in files.items():
                write_new(draft / name, data)
            flush_folders(draft)
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        flush(folder.parent)


def remove_result(folder: Path) -> None:
    """Remove a result that no job names, and the draft of one; there may be neither."""
    for each in (folder, folder.with_name(f"{_DRAFT}{folder.name}")):
        shutil.rmtree(each, ignore_errors=True)
