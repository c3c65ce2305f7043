"""Recordings for a batch with the real models: clips of a phone call, in the shards that a test wants."""

import itertools
import wave
from importlib.metadata import distribution

from diarize_runner.batch.shards import Shard

_SAMPLE = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")


def names_in_shard(index, count, wanted, *, stem="call"):
    """Return `wanted` names of recordings that belong to a shard."""
    shard = Shard(index=index, count=count)
    names = (f"{stem}-{number}.wav" for number in itertools.count())
    return [*itertools.islice(filter(shard.holds, names), wanted)]


def write_clips(folder, names):
    """Write 30 s of two people on the phone under each name."""
    with wave.open(str(_SAMPLE)) as sample:
        settings, data = sample.getparams(), sample.readframes(sample.getnframes())
    for name in names:
        with wave.open(str(folder / name), "wb") as clip:
            clip.setparams(settings)
            clip.writeframes(data)
