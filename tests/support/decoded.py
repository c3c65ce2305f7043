"""Decode a recording in this process, which is faster than in the confined one; and measure it."""

import io

import numpy as np

from diarize_runner.diarization.audio import Recording, Selection
from diarize_runner.diarization.decoding import Request, decode_into


def decode(path, channel=None, limit_seconds=60):
    return decode_with_warnings(path, channel=channel, limit_seconds=limit_seconds)[0]


def decode_with_warnings(path, *, channel=None, stream=None, limit_seconds=60):
    """Return the recording and its warnings."""
    selection = Selection(channel=channel, stream=stream)
    target = io.BytesIO()
    with path.open("rb") as source:
        report = decode_into(target, source, Request(name=str(path), selection=selection, limit_seconds=limit_seconds))
    return Recording(uri="talk", waveform=np.frombuffer(target.getvalue(), np.float32)), report.warnings


def warnings_of(path, **options):
    return decode_with_warnings(path, **options)[1]


def pitch_of(recording):
    spectrum = np.abs(np.fft.rfft(recording.waveform))
    return np.argmax(spectrum) / recording.duration


def level_of(recording):
    middle = recording.waveform[len(recording.waveform) // 4 : -len(recording.waveform) // 4]
    return np.sqrt(2 * np.mean(np.square(middle)))
