"""What else diarizes offline with the same weights, and how soon: `make bench-peers`.

Every peer is a process that has loaded the same restored cache, and is told paths; the clock runs from a path to its
speaker turns, decoding included. In every round each peer diarizes every recording, and another peer begins.

    peer.py      a peer's process: stock pyannote told a path or a waveform, whisperX's pipeline, the exact engine
    process.py   the other side of it: starts one in its environment, asks it, knows what it runs on
    __main__.py  the rounds, and the report

whisperX needs another torch than ours, so it has an environment of its own, `.bench/whisperx`, made when it is missing.
"""
