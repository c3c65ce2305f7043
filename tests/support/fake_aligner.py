"""An interpreter with whisperX that has neither: it implements the real protocol, without a model.

The environment variable FAKE_ALIGNER names what it does.
"""

import mmap
import os
import sys
import time
from pathlib import Path

import numpy as np
from support.command import ROOT

from diarize_runner.alignment.environment import VERSION
from diarize_runner.alignment.protocol import AlignedWords, AlignerLoaded, AlignmentRequest, encode_event
from diarize_runner.transcription.protocol import Failed

VARIABLE = "FAKE_ALIGNER"
LOG = "FAKE_ALIGNER_LOG"
"""Names a file that gets the process id and the language of each request."""
PACKAGES = {"whisperx": VERSION, "torch": "2.8.0"}


def write_interpreter(path, version=VERSION):
    """Write a program that behaves like whisperX's interpreter; return its path."""
    code = f"import sys\nsys.path[:0] = {[str(ROOT), str(ROOT / 'tests')]}\n"
    code += f"from support.fake_aligner import main\nmain(sys.argv[1:], {version!r})\n"
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(0o755)
    return path


def align(utterance, peak):
    """Return words of equal length after the loudest sample; one that has a digit gets no time."""
    texts, start = utterance.text.split(" "), max(utterance.start, peak)
    step = (utterance.end - start) / len(texts)
    return [
        {"word": text} if any(map(str.isdigit, text)) else {"word": text, "start": start, "end": start + step}
        for text, start in zip(texts, np.arange(len(texts)) * step + start, strict=True)
    ]


def answer(request, peak, send):
    send(AlignerLoaded(packages=PACKAGES))
    for utterance in request.utterances:
        send(AlignedWords(words=align(utterance, peak)))


def refuse(request, peak, send):
    send(AlignerLoaded(packages=PACKAGES))
    for _ in request.utterances:
        send(AlignedWords(words=[]))


def answer_other_words(request, peak, send):
    send(AlignerLoaded(packages=PACKAGES))
    for utterance in request.utterances:
        send(AlignedWords(words=align(utterance, peak)[1:]))


def answer_noisily(request, peak, send):
    """Print more than pipes hold."""
    for stream in (sys.stdout, sys.stderr):
        stream.write("noise\n" * 200_000)
        stream.flush()
    answer(request, peak, send)


def answer_slowly(request, peak, send):
    send(AlignerLoaded(packages=PACKAGES))
    time.sleep(600)


def answer_once(request, peak, send):
    """Answer the first request, and hang at the next one."""
    if _answered:
        time.sleep(600)
    _answered.append(request)
    answer(request, peak, send)


def fail(request, peak, send):
    send(Failed(kind="IntegrityError", message="model.safetensors has changed", hint="fetch it again"))


def exit_with_3(request, peak, send):
    sys.stderr.write("a library gave up\n")
    raise SystemExit(3)


_answered = []
BEHAVIOURS = {
    "": answer,
    "refuses": refuse,
    "other words": answer_other_words,
    "noisy": answer_noisily,
    "slow": answer_slowly,
    "hangs later": answer_once,
    "fails": fail,
    "exits": exit_with_3,
}


def main(arguments, version):
    """Print the version of whisperX, or answer requests."""
    if "-W" not in arguments:
        sys.stdout.write(version)
        raise SystemExit(0 if version else 1)
    events, samples, _parent = map(int, arguments[-3:])
    behave = BEHAVIOURS[os.environ.get(VARIABLE, "")]
    with os.fdopen(events, "w") as sink:

        def send(event):
            sink.write(encode_event(event))
            sink.flush()

        for line in sys.stdin:
            request = AlignmentRequest.decode(line)
            log(request)
            size = request.samples * 4
            waveform = np.frombuffer(mmap.mmap(samples, size, access=mmap.ACCESS_READ), dtype=np.float32)
            behave(request, float(waveform.argmax()) / 16_000, send)


def log(request):
    if LOG in os.environ:
        with Path(os.environ[LOG]).open("a") as file:
            file.write(f"{os.getpid()} {request.load.language} {os.environ['TMPDIR']}\n")
