"""One recording -> one labelled result: what every entry point calls, and nobody else does.

    session.py      VerifiedCache -> Session: its pipeline, loaded, and its manifest
    audio.py        a file, or samples in memory -> Recording
    job.py          Job -> Heard -> Result: decode, diarize, label, and say how it came about
        watch.py        how long it will take, how far it is, how long it took
        pace.py         what that is estimated by
        provenance.py   what is needed to have the same result again
    batch.py        many jobs: what is wrong with one stops no other
    outputs.py      Result -> files in each format
        output_file.py  one file, whole or not at all

Everything here returns values: the command line, the spool, the benchmark, doctor and Python callers say what they are.
"""
