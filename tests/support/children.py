"""Run a confined child process once for each content, in tests that are about something else.

The decoder and the rewriter of checkpoints take 0.4 s of CPU time to start, and give equal results for equal content.
"""

import hashlib
import json
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath

import pytest

from diarize_runner.cache.checkpoint import child as checkpoint
from diarize_runner.child import run_child_process
from diarize_runner.diarization import audio
from diarize_runner.diarization.decoders import run_decoder


class OncePerContent:
    """Keeps what a child wrote, and writes that for the same request and content.

    A child that fails runs again. A name in a request counts by its suffix alone, since reports do not contain it.
    """

    def __init__(self):
        self._kept = {}

    def decode(self, request, source, samples, seconds):
        """Stand in for `run_decoder`."""
        return self._once(json.loads(request), source, samples, partial(run_decoder, request, source, samples, seconds))

    def rewrite(self, command, source, result, environment, seconds):
        """Stand in for `run_child_process`."""
        *_, request = command
        *request, _parent = json.loads(request)
        run = partial(run_child_process, command, source, result, environment, seconds)
        return self._once(request, source, result, run)

    def _once(self, request, source, result, run):
        content = os.pread(source.fileno(), os.fstat(source.fileno()).st_size, 0)
        key = _without_place(request), hashlib.sha256(content).digest()
        if key in self._kept:
            done, written = self._kept[key]
            os.pwrite(result, written, 0)
            return done
        done = run()
        if done.returncode == 0:
            self._kept[key] = done, Path(f"/proc/self/fd/{result}").read_bytes()  # it may be open for writing only
        return done


def _without_place(request):
    """Return a request without the folder and stem of a recording."""
    first, *rest = request
    return json.dumps([PurePath(first).suffix if isinstance(first, str) else first, *rest])


DECODED, REWRITTEN = OncePerContent(), OncePerContent()


@contextmanager
def decoding_once():
    """Decode each content once per test process while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "run_decoder", DECODED.decode)
        yield


@contextmanager
def rewriting_once():
    """Rewrite each checkpoint once per test process while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "run_child_process", REWRITTEN.rewrite)
        yield
