"""How fast speakers are put on a transcript, and how many words get the wrong one: `make bench-labels`.

Speed: 54,000 words and 9,000 turns, a working day of meetings. It is the seconds of one core, and the least of several
runs: what else a machine does only ever adds.

Errors: WDER and cpWER over dialogues whose every word is known (tests/support/dialogues.py), by how well the diarizer
hears and how segments are split.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
