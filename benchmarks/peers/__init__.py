"""What else diarizes offline with the same weights, and how soon: `make bench-peers`.

Every peer is a process that has loaded the same restored cache, and is told paths; the clock runs from a path to its
speaker turns, decoding included. The rounds and the report are those of `diarize-runner benchmark`, where `stock` is
stock pyannote told samples, the faster way to use it.

    peer.py       a peer's process: stock pyannote told samples or a path, whisperX's pipeline, the exact engine
    process.py    the other side of it: a benchmark's Runner
    apart.py      the environment of its own that whisperX has, as it needs another torch than ours
    __main__.py   the workload
"""
