"""A diarizer without a model, which knows people by the pitch of their tones."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from support.sounds import tone, write_wav

from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.turns import SpeakerTurn, rename_by_first_appearance
from diarize_runner.diarization.voices import embed_speakers
from diarize_runner.digests import hash_bytes
from diarize_runner.voices.document import Voice

PITCHES = {"ada": 400, "bo": 800, "cy": 1200}
"""Hertz, by person."""
MODEL, OTHER_MODEL = (hash_bytes(name).digest for name in (b"a model", b"another model"))
_STEP = 400
_CHUNK = SAMPLE_RATE // 2
_SILENCE = 0.01


def speak(*said):
    """Return samples of people, each given with a number of seconds, one after the other."""
    return np.concatenate([tone(seconds, SAMPLE_RATE, PITCHES[person]) for person, seconds in said])


def write_speech(path, *said):
    write_wav(path, [speak(*said)], SAMPLE_RATE)
    return path


def embedding_of(person):
    """Return the embedding of a person: of unit length, and at right angles to every other person's."""
    return _embedding(PITCHES[person])


def embedding_of_tone(samples):
    """Return the embedding of the person whose tone it is."""
    return _embedding(_pitch(samples))


def voice_of(person, name):
    """Return the enrolled voice of a person."""
    embeddings = (tuple(map(float, embedding_of(person))),)
    return Voice(name=name, enrolled="2026-11-30T12:00:00+00:00", seconds=30.0, embeddings=embeddings)


def _embedding(pitch):
    rows, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))
    return rows[pitch // _STEP % 8].astype(np.float32)


def _pitch(samples):
    """Return the pitch of samples in hertz; 0 of silence."""
    if np.abs(samples).max() < _SILENCE:
        return 0
    frequency = int(np.argmax(np.abs(np.fft.rfft(samples)))) * SAMPLE_RATE / len(samples)
    return round(frequency / _STEP) * _STEP


def embed_tones(waveforms, masks=None):
    """Embed waveforms (batch, 1, samples), as an embedding model of pyannote does."""
    return np.stack([_embedding(_pitch(each)) for each in np.asarray(waveforms)[:, 0]])


@dataclass(kw_only=True)
class ByPitch:
    """Tells speakers apart, half a second at a time, and embeds them with the code of the real diarizer."""

    device: str = "cpu"
    engine: str = "exact"
    embedding_model: object = MODEL
    meanwhile: Callable[[str], None] = lambda uri: None
    """Called with the uri during each diarization."""
    diarized: list[str] = field(default_factory=list)

    def diarize(self, recording, hints, progress):
        self.diarized.append(recording.uri)
        self.meanwhile(recording.uri)
        turns = [turn for start in range(0, len(recording.waveform), _CHUNK) for turn in self._turns(recording, start)]
        return rename_by_first_appearance(recording.uri, turns, turns)

    def embed_speakers(self, recording, diarization, progress):
        return embed_speakers(embed_tones, recording, diarization, progress)

    def synchronise(self):
        pass

    def _turns(self, recording, start):
        samples = recording.waveform[start : start + _CHUNK]
        if pitch := _pitch(samples):
            end = start + len(samples)
            yield SpeakerTurn(start=start / SAMPLE_RATE, end=end / SAMPLE_RATE, speaker=str(pitch))
