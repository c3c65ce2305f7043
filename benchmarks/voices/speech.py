"""The utterances of known voices, as they are and as telephones carry them.

Samples have shape (samples,), at 16 kHz.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from diarize_runner.diarization.audio import SAMPLE_RATE, decode

Samples = npt.NDArray[np.float32]
WIDE, G711, LANDLINE, MOBILE, MOBILE_LOW, OPUS = (
    "16 kHz",
    "G.711",
    "landline",
    "mobile",
    "mobile, 4.75 kbit/s",
    "Opus, 8 kbit/s",
)
_TELEPHONE_RATE = 8_000
_PASSED = (300, 3_400)
"""Hz."""
_ORDER = 6


def read_voices(folder: Path) -> dict[str, list[Samples]]:
    """Return the utterances of each voice; `folder` has a folder for each, whose files are in order."""
    voices = {each.name: sorted(each.iterdir()) for each in sorted(folder.iterdir()) if each.is_dir()}
    return {name: [np.array(decode(path).waveform) for path in paths] for name, paths in voices.items()}


def coded(samples: Samples, *, codec: str, container: str, bits: int) -> Samples:
    """Return samples that FFmpeg has coded at 8 kHz with `bits` a second, and decoded again."""
    narrow = resample_poly(samples, 1, SAMPLE_RATE // _TELEPHONE_RATE)
    pcm = np.clip(np.round(narrow * (1 << 15)), -(1 << 15), (1 << 15) - 1).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=_TELEPHONE_RATE, layout="mono", bit_rate=bits)
        for packet in [*stream.encode(_frame(pcm)), *stream.encode(None)]:
            output.mux(packet)
    file.seek(0)
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(file) as source:
        frames = [each for frame in [*source.decode(audio=0), None] for each in resampler.resample(frame)]
    return np.concatenate([each.to_ndarray()[0] for each in frames]).astype(np.float32)


def landline(samples: Samples) -> Samples:
    """Return what a landline carries: 300 to 3400 Hz, coded by G.711."""
    passed = sosfilt(butter(_ORDER, _PASSED, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    return _G711(np.asarray(passed, dtype=np.float32))


def _frame(pcm: npt.NDArray[np.int16]) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.time_base = _TELEPHONE_RATE, Fraction(1, _TELEPHONE_RATE)
    return frame


_G711 = partial(coded, codec="pcm_mulaw", container="wav", bits=64_000)
BANDS: Mapping[str, Callable[[Samples], Samples]] = {
    WIDE: lambda samples: samples,
    G711: _G711,
    LANDLINE: landline,
    MOBILE: partial(coded, codec="libopencore_amrnb", container="amr", bits=12_200),
    MOBILE_LOW: partial(coded, codec="libopencore_amrnb", container="amr", bits=4_750),
    OPUS: partial(coded, codec="libopus", container="ogg", bits=8_000),
}
ENROLLED_BANDS = (WIDE, G711, LANDLINE)


def join(utterances: Sequence[Samples], first: int, seconds: float) -> tuple[Samples, set[int]]:
    """Return `seconds` of utterances joined from the one numbered `first` on, and the numbers of those used.

    Raises:
        ValueError: there are not so many seconds.
    """
    needed, used, parts = round(seconds * SAMPLE_RATE), set[int](), list[Samples]()
    for offset in range(len(utterances)):
        number = (first + offset) % len(utterances)
        used.add(number)
        parts.append(utterances[number])
        if sum(map(len, parts)) >= needed:
            return np.concatenate(parts)[:needed], used
    raise ValueError(f"the voice has fewer than {seconds} s of speech")
