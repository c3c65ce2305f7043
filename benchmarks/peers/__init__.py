"""Compare other offline diarizers with the same weights: `make bench-peers`.

Each peer is a process that loads the same restored cache and receives paths. A time spans from path to speaker turns,
decoding included. The rounds and the report are those of `diarize-runner benchmark`; `stock` is stock pyannote with
decoded samples as input, the faster way to use it.

    peer.py           a peer's process: stock pyannote on samples or on a path, whisperX's pipeline, the exact engine
    process.py        the parent's side of it: a benchmark's Runner
    whisperx_env.py   whisperX's virtual environment: it needs a different version of torch
    __main__.py       the workload and the report
"""
