"""Diarize a recording and label its transcript with pyannote alone, as in a typical script.

Runs on the manually set-up host: python label.py RECORDING TRANSCRIPT.json OUTPUT.json
"""  # noqa: INP001  # a script

import json
import sys
from pathlib import Path

import av
import numpy as np
import torch
from pyannote.audio import Pipeline
from pyannote.core import Annotation, Segment

PIPELINE = "diarize-runner/speaker-diarization-embedded"
SAMPLE_RATE = 16_000


def main() -> None:
    """Label every segment with the speaker who talks longest in it."""
    recording, transcript, output = map(Path, sys.argv[1:])
    diarization = Pipeline.from_pretrained(PIPELINE)(decode(recording)).speaker_diarization
    segments = json.loads(transcript.read_text())["segments"]
    for segment in segments:
        segment["speaker"] = speaker_of(segment, diarization)
    output.write_text(json.dumps({"segments": segments, "speakers": diarization.labels()}, indent=2))


def decode(path: Path) -> dict[str, object]:
    """Decode a recording to pyannote's input."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(path) as container:
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return {"waveform": torch.from_numpy(np.concatenate(frames, axis=1)), "sample_rate": SAMPLE_RATE}


def speaker_of(segment: dict[str, str], diarization: Annotation) -> str | None:
    """Return the speaker who talks longest in a segment."""
    cropped = diarization.crop(Segment(float(segment["start"]), float(segment["end"])))
    return cropped.argmax() if cropped else None


if __name__ == "__main__":
    main()
