"""Turn one recording into one labelled result; every entry point calls this package.

    session.py      VerifiedCache -> Session: the loaded pipeline, and its manifest
    audio.py        a file, or samples in memory -> Recording
    job.py          Job -> LoadedJob -> Result: decode, diarize, label
        per_channel.py  diarize each channel on its own
        stage_timer.py  estimated, remaining and elapsed time of a recording
        stage_times.py, startup_times.py  the measurements behind the estimate
        provenance.py   the record needed to reproduce a result
    transcribing.py transcribe recordings: alone, or before or beside their diarization
    naming.py       name the speakers whose voices are enrolled
    enrolment.py    recordings of one person -> that person's voice
    device_lock.py  one recording at a time on each GPU
    batch.py        run jobs one after the other; an error in one stops no other
    outputs.py      Result -> files in each format
        output_file.py  write one file atomically

Functions here return values and print nothing; the callers report.
"""
