"""How fast, and how right: Recording* -> Measurement* -> BenchmarkReport.

    workload.py      what is diarized: recordings, and who spoke in them where that is known
    environment.py   what it runs on
    run.py           the loop: the clock spans the diarization call and nothing else
    score.py         DER against a reference, by pyannote.metrics
    report.py        BenchmarkReport, to and from JSON

RTF is processing time / audio duration: lower is better. RTFx is its inverse.
"""
