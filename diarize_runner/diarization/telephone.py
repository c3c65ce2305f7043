"""What telephones leave of speech, so that a voice that is enrolled by microphone is recognised by telephone, too.

Samples have shape (samples,), float32 in [-1, 1], at 16 kHz.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from diarize_runner.diarization.audio import SAMPLE_RATE, Recording

if TYPE_CHECKING:
    import av

    Samples = npt.NDArray[np.float32]

_RATE: Final = 8_000
"""Hz."""
_CODEC: Final = "pcm_mulaw"
_FULL_SCALE: Final = 1 << 15
_LANDLINE: Final = (300, 3_400)
"""Hz; ITU-T G.712."""
_ORDER: Final = 6


def also_by_telephone(recording: Recording) -> Iterator[Recording]:
    """Yield the recording, and what telephones would leave of it."""
    yield recording
    for carry in (by_internet, by_landline):
        yield Recording(uri=recording.uri, waveform=carry(recording.waveform))


def by_internet(samples: "Samples") -> "Samples":
    """Return speech as internet telephony carries it: sampled at 8 kHz, and coded by G.711, with the mu-law.

    FFmpeg resamples it to 16 kHz, as it does recordings of telephones: with another resampler, embeddings differ.
    """
    import av
    from scipy.signal import resample_poly

    narrow = np.clip(resample_poly(samples, _RATE, SAMPLE_RATE) * _FULL_SCALE, -_FULL_SCALE, _FULL_SCALE - 1)
    encoder, decoder = av.AudioCodecContext.create(_CODEC, "w"), av.AudioCodecContext.create(_CODEC, "r")
    for each in (encoder, decoder):
        each.sample_rate, each.layout, each.format = _RATE, "mono", "s16"
    packets = [*encoder.encode(_frame(narrow)), *encoder.encode(None)]
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return _resampled(frames)


def by_landline(samples: "Samples") -> "Samples":
    """Return speech as a landline carries it: the same, without what is below 300 Hz or above 3,400 Hz."""
    from scipy.signal import butter, sosfilt

    passed = sosfilt(butter(_ORDER, _LANDLINE, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    return by_internet(np.asarray(passed, dtype=np.float32))


def _frame(samples: npt.NDArray[np.floating]) -> "av.AudioFrame":
    import av

    frame = av.AudioFrame.from_ndarray(samples.round().astype(np.int16)[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
    return frame


def _resampled(frames: "list[av.AudioFrame]") -> "Samples":
    import av

    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    resampled = [each for frame in [*frames, None] for each in resampler.resample(frame)]
    return np.concatenate([np.zeros(0, np.float32), *(each.to_ndarray()[0] for each in resampled)])
