"""Let whisperX assign speakers: `python label_whisperx.py`, in its own environment.

It reads {"items": [{"transcript": JSON of faster-whisper, "turns": [[start, end, speaker], ...]}, ...]}, and writes
{"packages": {...}, "labelled": [...]}. The function and its defaults are those of whisperX's command.
"""

import json
import os
import sys
from importlib.metadata import version

import pandas as pd
from whisperx.diarize import assign_word_speakers


def main() -> None:
    """Answer the question on stdin, on the original standard output; redirect libraries' output to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    labelled = [
        assign_word_speakers(pd.DataFrame(each["turns"], columns=["start", "end", "speaker"]), each["transcript"])
        for each in question["items"]
    ]
    json.dump({"packages": {"whisperx": version("whisperx")}, "labelled": labelled}, answers)
    answers.close()


if __name__ == "__main__":
    main()
