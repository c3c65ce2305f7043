"""Diarize a recording and label its transcript the way that people write such a script: with pyannote alone.

Runs on the host set up by hand: python label.py RECORDING TRANSCRIPT.json OUTPUT.json
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
    """Label every segment with who speaks the longest in it."""
    recording, transcript, output = map(Path, sys.argv[1:])
    diarization = Pipeline.from_pretrained(PIPELINE)(decoded(recording)).speaker_diarization
    segments = json.loads(transcript.read_text())["segments"]
    for segment in segments:
        segment["speaker"] = speaker_of(segment, diarization)
    output.write_text(json.dumps({"segments": segments, "speakers": diarization.labels()}, indent=2))


def decoded(path: Path) -> dict[str, object]:
    """Return a recording as pyannote takes it."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(path) as container:
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return {"waveform": torch.from_numpy(np.concatenate(frames, axis=1)), "sample_rate": SAMPLE_RATE}


def speaker_of(segment: dict[str, str], diarization: Annotation) -> str | None:
    """Return who speaks the longest in a segment."""
    inside = diarization.crop(Segment(float(segment["start"]), float(segment["end"])))
    return inside.argmax() if inside else None


if __name__ == "__main__":
    main()
