"""Recordings made of the shipped sample's voices, to any length, with who speaks when known by construction.

    voices.py       six voices: the two of the sample, each at three speeds
    scene.py        Scene -> Composition: how many speak, for how long, how much at once

The same scene is the same recording, to the last sample, on every machine.
"""
