"""The utterances of known voices, as they are and as a telephone carries them.

Samples have shape (samples,), at 16 kHz.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from diarize_runner.diarization.audio import SAMPLE_RATE, decode

Samples = npt.NDArray[np.float32]
WIDE, TELEPHONE, BOTH = "16 kHz", "telephone", "both"
_TELEPHONE_RATE = 8_000
_PASSED = (300, 3_400)
"""Hz."""
_ORDER = 6


def read_voices(folder: Path) -> dict[str, list[Samples]]:
    """Return the utterances of each voice; `folder` has a folder for each, whose files are in order."""
    voices = {each.name: sorted(each.iterdir()) for each in sorted(folder.iterdir()) if each.is_dir()}
    return {name: [np.array(decode(path).waveform) for path in paths] for name, paths in voices.items()}


def telephone(samples: Samples) -> Samples:
    """Return what a telephone carries: 300 to 3400 Hz, sampled at 8 kHz, resampled to 16 kHz."""
    factor = SAMPLE_RATE // _TELEPHONE_RATE
    narrow = resample_poly(samples, 1, factor)
    passed = sosfilt(butter(_ORDER, _PASSED, "bandpass", fs=_TELEPHONE_RATE, output="sos"), narrow)
    return np.asarray(resample_poly(passed, factor, 1), dtype=np.float32)


BANDS: Mapping[str, Callable[[Samples], Samples]] = {WIDE: lambda samples: samples, TELEPHONE: telephone}


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
