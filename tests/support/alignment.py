"""Caches with alignment models that are only as real as their files' names, and transcripts to align."""

import json

from support.caches import noise
from support.transcription import MODELS, verified

from diarize_runner.diarization.audio import Recording
from diarize_runner.transcript.read import parse
from diarize_runner.transcription.models import select_model
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcription

ENGLISH, GERMAN = "facebook/wav2vec2-base-960h", "jonatasgrosman/wav2vec2-large-xlsr-53-german"
JAPANESE = "jonatasgrosman/wav2vec2-large-xlsr-53-japanese"
PUNKT = {"diarize-runner/nltk-punkt": {"tokenizers/punkt_tab.zip": noise(100, seed=7)}}


def wav2vec2(seed=0):
    """Return the files of a model."""
    names = ("config.json", "preprocessor_config.json", "vocab.json")
    return {**dict.fromkeys(names, b"{}\n"), "model.safetensors": noise(2000, seed=seed)}


ALIGNERS = {ENGLISH: wav2vec2(1), JAPANESE: wav2vec2(2), **PUNKT}


def verified_with(folder, aligners):
    """Return a cache with a pipeline, transcription models and `aligners`."""
    return verified(folder, {**MODELS, **aligners})


def transcription(cache, segments, language="en"):
    """Return what a Transcriber returns for `segments`, as JSON of faster-whisper has them."""
    text = json.dumps({"segments": segments, "language": language})
    return Transcription(
        transcript=parse(text, warnings=("it is short",)),
        document=text.encode(),
        model=select_model(cache.manifest, None),
        options=TranscriptionOptions(),
        device="cpu",
        compute_type="int8",
    )


def segment(start, end, *words):
    """Return a segment of words of equal length."""
    step = (end - start) / len(words)
    timed = [
        {"start": start + index * step, "end": start + (index + 1) * step, "word": word, "probability": 0.5}
        for index, word in enumerate(words)
    ]
    return {"start": start, "end": end, "text": "".join(words), "words": timed}


def spans(made):
    """Return the text and times of every word of a transcription."""
    return [
        (word.text, round(word.start, 3), round(word.end, 3))
        for each in made.transcript.segments
        for word in each.words
    ]


def recording_with_peak(recording: Recording, seconds: float) -> Recording:
    """Return a recording that is loudest at a time."""
    recording.waveform[:] = 0
    recording.waveform[round(seconds * 16_000)] = 1
    return recording
