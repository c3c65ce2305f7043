"""Locked, verified model caches for offline, token-free speaker diarization.

A build host turns a short request into a published model cache; a box turns that cache into
speaker-labelled transcripts, offline and without a token; a harness says how fast.

    cache         request -> lock -> staged cache -> archive -> store -> restored -> VerifiedCache
    diarization   VerifiedCache + Recording -> Diarization
    transcript    Transcript + Diarization -> LabelledTranscript -> JSON, SRT, RTTM
    benchmark     Recording* -> Measurement* -> BenchmarkReport
    spool         files dropped into a folder -> the same files, labelled
    doctor        a box -> Diagnosis: good, not as provisioned, or broken
    fleet         Order -> Box* -> Ansible's inventory: the operator's side, on EC2
    cli           the one command, `diarize-runner`
    start         what runs first: no module comes out of the working folder

Importing this package, or running any `cache` command, needs neither torch nor pyannote.audio.
"""

__version__ = "0.2.0"
