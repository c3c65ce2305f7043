"""The HTTP service: uploads become jobs of a durable queue, which one model process on each box works off.

    settings     what the command line, a key file and the environment configure      -> Settings
    intake/      an upload, decoded in the confined child                             -> Job in the queue, or a 4xx
    folder       uploads, samples and results, as files of each job
    folder_owner refuse a folder of another user
    exclusive    which servers may use a folder at a time
    leftovers    the files that killed servers left
    recording    what decoding said of an upload                                      <-> JSON
    work         what a job does: task, speaker hints, transcription                  <-> JSON
    queue/       jobs with leases, in SQLite or PostgreSQL
    workers/     claim a job, run it in the model process, store its result
        model_process, protocol   the child process; only it imports torch
    shapes/      results as each API has them
    webhooks/    signed requests to the client's server when a job has ended; off by default
    web/         the HTTP endpoints, access, events and metrics
    systemd      the listening socket that systemd passes, and readiness

The web process decodes and validates, and never imports torch; it stays responsive while the device works. A job is
accepted once its files and its row are on the disk. Whatever is killed afterwards, some worker's lease expires, and the
job is claimed again. A job ends once: the result of a worker that lost its lease is discarded.
"""
