"""Caches with transcription models that are only as real as their files' names and headers."""

import struct

import numpy as np
from support.caches import TINY, Site, noise

from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.audio import Recording
from diarize_runner.progress import NoProgress

FAKE = "support.fake_transcriber"
"""The module to run instead of the child process."""

TINY_EN, SMALL = "Systran/faster-whisper-tiny.en", "Systran/faster-whisper-small"
HEADER = struct.pack("<IH", 6, 12) + b"WhisperSpec\0"
ENGLISH, MULTILINGUAL = ("<|endoftext|>",), ("", "<|endoftext|>")
"""Tokens at which the vocabularies of both kinds differ."""


def whisper(tokens=ENGLISH, seed=0):
    """Return the files of a model."""
    return {
        "config.json": b"{}\n",
        "model.bin": HEADER + noise(2000, seed=seed),
        "tokenizer.json": b"{}\n",
        "vocabulary.txt": "".join(f"{token}\n" for token in ("!", *tokens, "<|startoftranscript|>")).encode(),
    }


MODELS = {TINY_EN: whisper(ENGLISH), SMALL: whisper(MULTILINGUAL, seed=1)}


def restored(folder, models=MODELS):
    """Return the box's folder of a cache with a pipeline and `models`."""
    site = Site(folder=folder)
    site.publish(repos={**TINY, **models})
    site.restore()
    return site.box.root


def verified(folder, models=MODELS):
    return open_cache(restored(folder, models), NoProgress())


def recording(peak=0.5, seconds=2, uri="talk"):
    """Return silence with one loud sample, which the fake transcriber tells."""
    waveform = np.zeros(16_000 * seconds, np.float32)
    waveform[100] = peak
    return Recording(uri=uri, waveform=waveform)
