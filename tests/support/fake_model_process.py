"""A model process without torch that speaks the real protocol: python -m support.fake_model_process.

The name of a job's recording says what it does.
"""

import json
import os
import sys
import time
from pathlib import Path

from diarize_runner.service.work import Work
from diarize_runner.service.workers.protocol import Finished, JobRequest, Loaded, Progressed, encode_event
from diarize_runner.transcription.protocol import Failed

CHILD = "support.fake_model_process"
LOG = "FAKE_MODEL_PROCESS_LOG"
"""Names a file that gets the environment of each process, and its id."""
MIB = 1 << 20
GROWN = []
LOADED = Loaded(device="cpu", engine="fast", load_seconds=0.5)


def finish(request, send):
    send(LOADED)
    for done in range(3):
        send(Progressed(stage="segmentation", completed=done, total=2))
    folder = request.result_folder
    folder.mkdir()
    (folder / "json").write_text(str(os.getpid()))
    send(Finished(processing_seconds=1.5, memory_bytes=100 * MIB))


def grow(request, send):
    GROWN.append(request.result)
    send(LOADED)
    send(Finished(processing_seconds=1.5, memory_bytes=len(GROWN) * 100 * MIB))


def hang(request, send):
    send(LOADED)
    send(Progressed(stage="embeddings", completed=1, total=2))
    time.sleep(600)


def ignore(request, send):
    time.sleep(600)


def die(request, send):
    send(LOADED)
    os.kill(os.getpid(), 9)


def die_while_loading(request, send):
    send(Progressed(stage="verify", completed=0, total=2))
    os.kill(os.getpid(), 9)


def fail(request, send):
    send(LOADED)
    send(Failed(kind="EmptyAudio", message="talk holds no samples", hint="check it"))


def fail_to_load(request, send):
    send(Failed(kind="DeviceUnavailable", message="torch finds no CUDA device", hint="use --device cpu"))


BEHAVIOURS = {
    "finish": finish,
    "grow": grow,
    "hang": hang,
    "ignore": ignore,
    "die": die,
    "die while loading": die_while_loading,
    "fail": fail,
    "fail to load": fail_to_load,
}


def main():
    events, _samples, _parent = map(int, sys.argv[1:])
    if LOG in os.environ:
        with Path(os.environ[LOG]).open("a") as log:
            log.write(json.dumps({"pid": os.getpid(), "environment": dict(os.environ)}) + "\n")
    with os.fdopen(events, "w") as sink:

        def send(event):
            sink.write(encode_event(event))
            sink.flush()

        for line in sys.stdin:
            request = JobRequest.decode(line)
            BEHAVIOURS[Work.decode(request.work).name](request, send)


if __name__ == "__main__":
    main()
