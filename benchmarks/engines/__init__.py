"""Measure the speed-up of the exact and fast engines over stock pyannote: `make bench-engines`.

The engines alternate, in every round, on every recording. The speaker turns of stock and exact must be equal bit for
bit, and so must their RTTM; those of fast are not, but its embeddings are compared with those of exact. Times are
medians. Each ratio compares times from one run.

    recordings.py   15 recordings, most composed by `benchmark.compose`, about 20 minutes
    models.py       the embedded cache, and a twin of community-1
    rounds.py       the rounds with one model
    cores.py        a process with only some cores: `--cores 1 2`
    compare.py      one recording through the engines
    embeddings.py   cosine of the embeddings of two engines
    trunk_speed.py  the share of a core's peak speed that the exact engine reaches
    memory.py       peak memory of a process that diarizes four hours, mostly silent
    __main__.py     the report

The twin has community-1's layer shapes, and so its cost: WeSpeaker's ResNet34 on chunks of 10 s, VBx. Its embeddings
are random but centred, which separates voices. Its segmentation model is pyannote's segmentation-3.0, trained, so empty
chunks and empty speaker slots are as frequent as in real recordings.
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # read when pyannote is imported
