"""How fast the exact engine is against stock pyannote, and whether it says the same: `make bench-engines`.

Both engines diarize every recording in every round, in turn. What they say must be the same file by file, to the last
digit of the RTTM and to the last bit of the turns; figures are medians, and ratios of one run.

    recordings.py   what is diarized: 15 recordings of voices that `benchmark.compose` has, about 20 minutes
    models.py       what diarizes: the embedded cache, and a twin of community-1
    compare.py      one recording through both engines
    floor.py        how near the exact engine comes to what a core can multiply
    memory.py       a process that diarizes four hours, most of them silent, and says its peak memory
    __main__.py     the rounds, and the report

The twin has the shape and so the cost of community-1: WeSpeaker's ResNet34 on chunks of 10 s, VBx. Its embeddings are
random but centred, which tells voices apart; who speaks when is heard by the embedded cache's trained segmentation
model, so that there are as many empty chunks and empty slots as there are in life.
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # read when pyannote is imported
