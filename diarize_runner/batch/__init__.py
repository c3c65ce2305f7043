"""Diarize every recording of a folder or bucket: on one machine, in shards, or on a Ray cluster.

    source.py         INPUT: a folder, a prefix of a bucket, or a list of recordings
        inputs.py         InputRecording: key, size and state, with hints and transcript
        manifest.py       a list of recordings, as JSON Lines
    configuration.py  models, engine, options and known speakers; their digest names the results
    plan.py           BatchPlan: what every worker needs to know
    shards.py         the recordings of one shard
    results.py        OUTPUT: one result for each recording, written once, as a whole
        attempts.py       how often a recording was tried, and its last error
    fetching.py       fetch the next recordings while one is diarized
    worker.py         InputRecording -> Outcome, with the models loaded
        session.py        load the models
        fetched_job.py    a fetched recording -> Job
        outcomes.py       Done, AlreadyDone, Failed
    run.py            inputs minus results -> outcomes, on this machine
    on_ray/           the same on the nodes of a Ray cluster
    summary.py        the totals of one run
    progress_log.py   what each process has done so far, in OUTPUT
    status.py         done, failed, left, RTF, cost, time left
        status_text.py, status_page.py   the same for people

The unit of work is one recording. Its result has a name made of the recording's key, size and state (an ETag, or the
time of a file's last change) and of the configuration's digest; it is written with a condition, and only once. So
running again is always safe: what has a result is left out. No lock and no queue decides about correctness; at worst,
two workers do the same recording, and the second finds a result there.
"""
