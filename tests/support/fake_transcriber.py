"""A transcriber without a model that implements the real protocol: python -m support.fake_transcriber.

The environment variable FAKE_TRANSCRIBER names what it does.
"""

import mmap
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from diarize_runner.transcription.protocol import (
    Failed,
    Finished,
    Loaded,
    Request,
    TranscribedSegment,
    encode_event,
)

VARIABLE = "FAKE_TRANSCRIBER"
LOG = "FAKE_TRANSCRIBER_LOG"
"""Names a file that gets the process id and the batch size of each request."""
LARGEST_BATCH = 2


def answer(request, samples, send):
    """Return a segment of two words, whose text tells the loudest sample."""
    size = request.samples * 4
    waveform = np.frombuffer(mmap.mmap(samples, size, access=mmap.ACCESS_READ), dtype=np.float32)
    send(Loaded(device="cpu", compute_type="int8"))
    send(TranscribedSegment(segment=segment_of(f" peak {waveform.max():.2f}", request.words)))
    send(Finished(language=request.language or "en"))


def segment_of(text, with_words):
    words = [
        {"start": 0.1, "end": 0.4, "word": " peak", "probability": 0.9},
        {"start": 0.4, "end": 0.8, "word": text.removeprefix(" peak"), "probability": 0.9},
    ]
    return {"start": 0.1, "end": 0.8, "text": text, **({"words": words} if with_words else {})}


def answer_noisily(request, samples, send):
    """Print more than pipes hold."""
    for stream in (sys.stdout, sys.stderr):
        stream.write("noise\n" * 200_000)
        stream.flush()
    answer(request, samples, send)


def answer_slowly(request, samples, send):
    send(Loaded(device="cpu", compute_type="int8"))
    time.sleep(600)


def run_out_of_memory(request, samples, send):
    if request.batch_size > LARGEST_BATCH:
        send(Failed(kind="OutOfMemory", message="CUDA failed with error out of memory", hint="wait"))
    else:
        answer(request, samples, send)


def run_out_of_memory_always(request, samples, send):
    send(Failed(kind="OutOfMemory", message="transcription failed: out of memory", hint="use a smaller model"))


def fail(request, samples, send):
    send(Failed(kind="DeviceUnavailable", message="no CUDA device", hint="use --device cpu"))


def exit_with_3(request, samples, send):
    sys.stderr.write("a library gave up\n")
    raise SystemExit(3)


def die(request, samples, send):
    os.kill(os.getpid(), 9)


def answer_once(request, samples, send):
    answer(request, samples, send)
    raise SystemExit(0)


BEHAVIOURS = {
    "": answer,
    "noisy": answer_noisily,
    "slow": answer_slowly,
    "out of memory": run_out_of_memory,
    "out of memory always": run_out_of_memory_always,
    "fails": fail,
    "exits": exit_with_3,
    "dies": die,
    "once": answer_once,
}


def main():
    events, samples, _parent = map(int, sys.argv[1:])
    behave = BEHAVIOURS.get(os.environ.get(VARIABLE, ""))
    with os.fdopen(events, "w") as sink:

        def send(event):
            sink.write(encode_event(event))
            sink.flush()

        for line in sys.stdin:
            request = Request.decode(line)
            log(request)
            if behave is None:
                sink.write("no event\n")
                sink.flush()
            else:
                behave(request, samples, send)


def log(request):
    if LOG in os.environ:
        with Path(os.environ[LOG]).open("a") as file:
            file.write(f"{os.getpid()} {asdict(request)['batch_size']}\n")


if __name__ == "__main__":
    main()
