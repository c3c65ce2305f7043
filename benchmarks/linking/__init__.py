"""Measure how well speakers are linked across recordings: `python -m benchmarks.linking`.

recordings.py   recordings of known people, no second of whose speech is in two of them
heard.py        diarize them, and embed the speakers: those found, and those of the reference
methods.py      online as the product links, offline by clustering, by the reference, and not at all
figures.py      purity and coverage of the labels over all recordings taken as one
__main__.py     the report
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # read when pyannote is imported
