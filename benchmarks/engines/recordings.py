"""The recordings to measure: the shipped sample, and scenes composed of its voices, the same on every machine."""

from collections.abc import Collection, Iterator

from diarize_runner.benchmark.compose.scene import Scene, compose
from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording, decode

SCENES = (
    Scene(name="one-word", seconds=1.0, speakers=1),
    Scene(name="a-sentence-each", seconds=6.5, speakers=2),
    Scene(name="one-chunk", seconds=10.0, speakers=2),
    Scene(name="one-chunk-and-a-sample", seconds=10.0 + 1 / SAMPLE_RATE, speakers=2),
    Scene(name="monologue", seconds=60.0, speakers=1, pause=1.5),
    Scene(name="interview", seconds=150.0, speakers=2),
    Scene(name="phone-call-with-music-on-hold", seconds=100.0, speakers=2, pause=1.0, music=(30.0, 65.0)),
    Scene(name="dictation-with-long-pauses", seconds=90.0, speakers=1, pause=12.0),
    Scene(name="meeting-of-four", seconds=150.0, speakers=4, overlap=1.0),
    Scene(name="quarrel-of-six", seconds=120.0, speakers=6, pause=0.2, overlap=3.0),
    Scene(name="noisy-cafe", seconds=60.0, speakers=3, noise=0.01),
    Scene(name="silence", seconds=45.0, speakers=0),
    Scene(name="music", seconds=45.0, speakers=0, music=(0.0, 45.0)),
    Scene(name="hearing-of-five", seconds=300.0, speakers=5, pause=1.5, overlap=0.8),
)

HALF_AN_HOUR = Scene(name="half-an-hour", seconds=1800.0, speakers=4, pause=2.0, overlap=0.8)
"""Only on request by name: stock needs half an hour of a CPU."""


def recordings(names: Collection[str] = ()) -> Iterator[Recording]:
    """Yield pyannote's sample and every scene, or only those in `names`."""
    if not names or "sample" in names:
        yield decode(shipped_sample().audio)
    for scene in (*SCENES, HALF_AN_HOUR) if names else SCENES:
        if not names or scene.name in names:
            yield compose(scene).recording
