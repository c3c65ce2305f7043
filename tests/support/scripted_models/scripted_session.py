"""Stands in for `diarize_runner.batch.session`: a diarizer that writes what it does to a journal, and takes some time.

    SCRIPTED_JOURNAL    the file for a line when models are loaded, and when a recording begins
    SCRIPTED_SECONDS    how long a recording takes
    SCRIPTED_FULL       set where the disk is full
"""

import os
import time
from pathlib import Path

from support.diarizers import OneSpeaker

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.errors import DiskFull
from diarize_runner.jobs.session import Session


def open_session(plan, _progress, _stack):
    """Return a session without models."""
    if os.environ.get("SCRIPTED_FULL"):
        raise DiskFull("the disk is full", hint="free some space")
    _note(f"loaded on GPU {os.environ.get('CUDA_VISIBLE_DEVICES') or 'none'}")
    manifest = read_manifest(find_cache(Path(plan.cache)))
    return Session(diarizer=OneSpeaker(meanwhile=_work), manifest=manifest)


def _work(uri):
    _note(f"began {uri}")
    time.sleep(float(os.environ["SCRIPTED_SECONDS"]))


def _note(line):
    with Path(os.environ["SCRIPTED_JOURNAL"]).open("a", encoding="utf-8") as journal:
        journal.write(f"{line}\n")
