"""Stands in for `diarize_runner.batch.session`: a diarizer that writes what it does to a journal, and takes some time.

Beside the folder of the results, `journal` gets a line when models are loaded, and when a recording begins; `seconds`
says how long one takes. A node with the variable SCRIPTED_FULL has a full disk.
"""

import os
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.diarizers import OneSpeaker

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.errors import DiskFull
from diarize_runner.jobs.session import Session


def open_session(plan, _progress, _stack):
    """Return a session without models."""
    if os.environ.get("SCRIPTED_FULL"):
        raise DiskFull("the disk is full", hint="free some space")
    folder = Path(unquote(urlsplit(plan.output).path)).parent
    _note(folder, f"loaded on GPU {os.environ.get('CUDA_VISIBLE_DEVICES') or 'none'}")
    manifest = read_manifest(find_cache(Path(plan.cache)))
    return Session(diarizer=OneSpeaker(meanwhile=lambda uri: _work(folder, uri)), manifest=manifest)


def _work(folder, uri):
    _note(folder, f"began {uri}")
    time.sleep(float((folder / "seconds").read_text()))


def _note(folder, line):
    with (folder / "journal").open("a", encoding="utf-8") as journal:
        journal.write(f"{line}\n")
