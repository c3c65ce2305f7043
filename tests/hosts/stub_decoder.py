"""Decodes a recording with the real decoder, but without FFmpeg and NumPy, which hosts do not have.

What remains tests the sandbox: memory for the samples, and a process that confines itself. The decoded samples are the
file's bytes, followed by the signal that the decoder gets if its parent dies.
"""

import ctypes
import sys
from pathlib import Path
from unittest.mock import MagicMock, patch

sys.path.insert(0, str(Path(__file__).resolve().parent))
missing = ("av", "av.subtitles", "av.subtitles.codeccontext", "av.subtitles.stream", "numpy.typing")
numpy = MagicMock(frombuffer=lambda buffer, dtype: bytes(buffer))
numpy.dtype.return_value.itemsize = 4
with patch.dict(sys.modules, {"numpy": numpy, **{name: MagicMock() for name in missing}}):
    from diarize_runner.diarization import audio, decoders, decoding

PR_GET_PDEATHSIG = 2


def decode_into(target, source, _request):
    """Write the file's bytes, then the parent-death signal; report no warnings."""
    target.write(source.read())
    signal = ctypes.c_int()
    ctypes.CDLL(None).prctl(PR_GET_PDEATHSIG, ctypes.byref(signal))
    target.write(f"\nuntil signal {signal.value}\n".encode())
    return audio.DecoderReport(channels=1, warnings=())


if sys.argv[1] == "decoder":
    del sys.argv[1]
    decoding.decode_into = decode_into
    sys.exit(decoding.main())
decoders._DECODER = (sys.executable, __file__, "decoder")
sys.stdout.buffer.write(audio.decode(Path(sys.argv[1])).waveform)
