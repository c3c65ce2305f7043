"""Compose recordings of any length from the shipped sample's voices, with an exact reference.

    voices.py       six voices of two people: the sample's two, each at three speeds
    scene.py        Scene (speakers, duration, overlap) -> Composition (samples, speaker turns)

A scene gives the same samples on every machine.
"""
