"""Is this box fit to diarize? Look at everything, change nothing; each check that finds something says what to run.

check.py        Check: good, drift (it works, and is not as it was provisioned) or broken (it cannot be relied on)
packages.py     the environment against its lock
cache.py        every byte and link of the cache against its manifest
host.py         no token, room on the disk, the offline guard
device.py       GPU and driver, against what torch was built for
sample.py       the sample check: the recording that pyannote.audio ships, diarized
diagnosis.py    Diagnosis: all of it
kept_sample.py  the last good sample check, relied on while nothing has changed
"""
