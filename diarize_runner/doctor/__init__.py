"""Check what this box can do, without changing anything; every problem comes with a hint what to run.

check.py          Check: good, drift (works, but differs from what was provisioned) or broken (do not use)
packages.py       installed packages against the lock
images.py         the images that the packages are mounted from
cache.py          every byte and link of the cache against its manifest
host.py           tokens, free disk space, the offline guard
device.py         GPU and driver, against the CUDA version of torch
transcription.py  the libraries that the cache's transcription models need
sample.py         diarize and transcribe the sample recording that pyannote.audio ships
diagnosis.py      Diagnosis: all checks
sample_result.py  the last good sample check, reused while its inputs are unchanged
"""
