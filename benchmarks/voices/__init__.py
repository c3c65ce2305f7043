"""Measure how well enrolled voices are recognised: `python -m benchmarks.voices`.

    speech.py       the utterances of known voices, as they are and as a telephone carries them
    trials.py       enrol voices, score other utterances against each
    figures.py      equal error rate, false accepts and false rejects, with 95 % intervals
    __main__.py     the report

A trial compares one utterance with one enrolled voice. It is genuine if the voice is the utterance's, else an impostor.
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # read when pyannote is imported
