"""Hears a recording by the code that hears them, but for FFmpeg and NumPy, which hosts do not have.

What is left is what that asks of the system: memory for the samples, and a process that confines itself. What is
heard is what the file holds, and the signal that the decoder gets if its parent dies.
"""

import ctypes
import sys
from pathlib import Path
from unittest.mock import MagicMock, patch

sys.path.insert(0, str(Path(__file__).resolve().parent))
absent = ("av", "av.subtitles", "av.subtitles.codeccontext", "av.subtitles.stream", "numpy.typing")
numpy = MagicMock(frombuffer=lambda buffer, dtype: bytes(buffer))
numpy.dtype.return_value.itemsize = 4
with patch.dict(sys.modules, {"numpy": numpy, **{name: MagicMock() for name in absent}}):
    from diarize_runner.diarization import audio, decoding

PR_GET_PDEATHSIG = 2


def blocks(source, *_):
    """Decode: there is nothing to it."""
    yield memoryview(source.read())
    signal = ctypes.c_int()
    ctypes.CDLL(None).prctl(PR_GET_PDEATHSIG, ctypes.byref(signal))
    yield memoryview(f"\nuntil signal {signal.value}\n".encode())


if sys.argv[1] == "decoder":
    del sys.argv[1]
    decoding.blocks = blocks
    sys.exit(decoding.main())
audio._DECODER = (sys.executable, __file__, "decoder")
sys.stdout.buffer.write(audio.decode(Path(sys.argv[1])).waveform)
