"""What telephones leave of speech, so that a voice that is enrolled by microphone is recognised by telephone, too.

Samples have shape (samples,), float32 in [-1, 1], at 16 kHz.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from diarize_runner.diarization.audio import SAMPLE_RATE, Recording

if TYPE_CHECKING:
    Samples = npt.NDArray[np.float32]

_RATE: Final = 8_000
"""Hz."""
_LEVELS: Final = 256
_LANDLINE: Final = (300, 3_400)
"""Hz; ITU-T G.712."""
_ORDER: Final = 6


def also_by_telephone(recording: Recording) -> Iterator[Recording]:
    """Yield the recording, and what telephones would leave of it."""
    yield recording
    for carry in (by_internet, by_landline):
        yield Recording(uri=recording.uri, waveform=carry(recording.waveform))


def by_internet(samples: "Samples") -> "Samples":
    """Return speech as internet telephony carries it: sampled at 8 kHz, with 256 levels on the mu-law scale (G.711)."""
    from scipy.signal import resample_poly

    narrow = _quantised(resample_poly(samples, 1, SAMPLE_RATE // _RATE))
    return np.asarray(resample_poly(narrow, SAMPLE_RATE // _RATE, 1), dtype=np.float32)


def by_landline(samples: "Samples") -> "Samples":
    """Return speech as a landline carries it: the same, without what is below 300 Hz or above 3,400 Hz."""
    from scipy.signal import butter, sosfilt

    passed = sosfilt(butter(_ORDER, _LANDLINE, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    return by_internet(np.asarray(passed, dtype=np.float32))


def _quantised(samples: npt.NDArray[np.floating]) -> "Samples":
    import torch
    from torchaudio.functional import mu_law_decoding, mu_law_encoding

    clipped = torch.from_numpy(np.clip(samples, -1, 1).astype(np.float32))
    return np.asarray(mu_law_decoding(mu_law_encoding(clipped, _LEVELS), _LEVELS).numpy(), dtype=np.float32)
