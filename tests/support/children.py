"""Run a confined child process once for each content, in tests that are about something else.

The decoder and the rewriter of checkpoints take 0.4 s of CPU time to start, and give equal results for equal content.
"""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path, PurePath

import pytest

from diarize_runner.cache.checkpoint import child as checkpoint
from diarize_runner.child import run_child_process
from diarize_runner.diarization import audio


class OncePerContent:
    """Stands in for `run_child_process`: keeps what a child wrote, and writes that for the same request and content.

    A child that fails runs again. A name in a request counts by its suffix alone, since reports do not contain it.
    """

    def __init__(self):
        self._kept = {}

    def __call__(self, command, source, result, environment, seconds):
        *program, request = command
        content = os.pread(source.fileno(), os.fstat(source.fileno()).st_size, 0)
        key = (*program, _without_place(request), hashlib.sha256(content).digest(), seconds)
        if key in self._kept:
            done, written = self._kept[key]
            os.pwrite(result, written, 0)
            return done
        done = run_child_process(command, source, result, environment, seconds)
        if done.returncode == 0:
            self._kept[key] = done, Path(f"/proc/self/fd/{result}").read_bytes()  # it may be open for writing only
        return done


def _without_place(request):
    """Return a request without its parent's process id and the folder and stem of a recording."""
    first, *rest, _ = json.loads(request)
    return json.dumps([PurePath(first).suffix if isinstance(first, str) else first, *rest])


DECODED, REWRITTEN = OncePerContent(), OncePerContent()


@contextmanager
def decoding_once():
    """Decode each content once per test process while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "run_child_process", DECODED)
        yield


@contextmanager
def rewriting_once():
    """Rewrite each checkpoint once per test process while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "run_child_process", REWRITTEN)
        yield
