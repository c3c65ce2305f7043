"""Stands in for `diarize_runner.batch.session`: a diarizer that writes each name to a journal, and takes some time.

SCRIPTED_JOURNAL    the file to which each recording is appended when it begins
SCRIPTED_SECONDS    how long one takes
"""

import os
import time
from pathlib import Path

from support.diarizers import OneSpeaker

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.jobs.session import Session


def open_session(plan, _progress, _stack):
    """Return a session without models."""
    manifest = read_manifest(find_cache(Path(plan.cache)))
    return Session(diarizer=OneSpeaker(meanwhile=_work), manifest=manifest)


def _work(uri):
    with Path(os.environ["SCRIPTED_JOURNAL"]).open("a", encoding="utf-8") as journal:
        journal.write(f"{uri}\n")
    time.sleep(float(os.environ["SCRIPTED_SECONDS"]))
