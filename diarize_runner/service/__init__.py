"""The HTTP service: uploads become jobs of a durable queue, which one model process on each box works off.

    server       open what a server needs, and serve until a signal
        systemd  the listening socket that systemd passes, and readiness
        box      the threads that work off the queue: dispatcher, retention, courier
    settings     what the command line and the environment configure                  -> Settings
        environment   read the variables, also those of other servers
        keys     the file of the API keys
        guarded_file   read a file that only the right users may change
    voices       the file of the enrolled voices
    catalog      the transcription models of the cache
    intake       an upload, decoded in the confined child                             -> Job in the queue, or a 4xx
        speed    how long the queue takes, for Retry-After
    folder       uploads, samples and results, as files of each job
        folder_owner   refuse a folder of another user
        exclusive   which servers may use a folder at a time
        leftovers   remove the files that killed servers left
        retention   remove jobs that ended long ago
    recording    what decoding said of an upload                                      <-> JSON
    references   speech with which a request names speakers of its own job
    work         what a job does: task, speaker hints, transcription                  <-> JSON
    queue/       jobs with leases, in SQLite or PostgreSQL
    workers/     claim a job, run it in the model process, store its result
        model_process, protocol   the child process; only it imports torch
    results      read the result of a job
    shapes/      results as each API has them
    webhooks/    signed requests to the client's server when a job has ended; off by default
    web/         the HTTP endpoints, access, events and metrics

The web process decodes and validates, and never imports torch; it stays responsive while the device works. A job is
accepted once its files and its row are on the disk. Whatever is killed afterwards, some worker's lease expires, and the
job is claimed again. A job ends once: the result of a worker that lost its lease is discarded.
"""
