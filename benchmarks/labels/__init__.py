"""Measure the speed and the word errors of speaker assignment: `make bench-labels`.

Speed: 54,000 words and 9,000 speaker turns, a working day of meetings. It is CPU seconds of one core, the minimum of
several runs, because background load only adds time.

Errors: WDER and cpWER over synthetic dialogues (tests/support/dialogues.py), by the quality of the diarization and the
rules for splitting segments.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
