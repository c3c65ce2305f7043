"""Time a start of the command, from the shell to its result: `make bench-startup`.

`--against FOLDER` is another checkout of this repository. Both diarize the same recording with this environment's
packages, in alternation, after one run that is not counted. Their outputs must be equal. `--cold` empties the page
cache before each run, which needs root.
"""
