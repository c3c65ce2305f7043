"""From a VerifiedCache and a Recording to a Diarization.

    audio.py     any container -> Recording: mono, 16 kHz, float32
        decoders.py  start its process, or keep one waiting
        decoding.py  the process: FFmpeg, confined
            packets.py, wholeness.py   damaged packets; missing parts
            levels.py, samples.py      silence and levels; values that are no numbers
    engine.py    load(VerifiedCache, device, engine) -> Diarizer
        guard.py            refuse network connections of this code and of the threads it starts (scope.py)
        isolation.py        replace the working and home folders with an empty one
        environment.py      set the variables that libraries read, then restore them
        garbage.py          pause Python's garbage collector
        fonts.py            keep matplotlib's list of fonts between starts
        library_output.py   drop the libraries' warnings and log what they print
        models.py    build pyannote's pipeline from verified bytes
        wsl.py       load the GPU's driver under WSL2
    exact.py     the exact engine: a loaded pipeline made faster, with the same output
        segmentation.py, embedding.py, reconstruction.py   three of its stages
        clustering.py, linkage.py, heap.py                 clustering of long recordings with little memory
        trunk.py                                           optimize a network for a device
        workers.py                                         a thread pool with one worker per core
    fast.py      the fast engine: exact, but each second of audio is embedded once
        tiles.py                                           its embedding pass
    voices.py    the voice of each speaker, as an embedding
        telephone.py   what telephones leave of speech
    campplus.py  the embedded caches' speaker encoder, as a pyannote model
    ge2e.py      the encoder of embedded caches of 0.1.0, to which a box can switch back; removed after one release
    channels.py  names of channels and of their speakers
    engines.py   names of engines and devices
    turns.py     SpeakerTurn, Diarization: the result, without types of any framework
    reliability.py  warnings: short recordings, many speakers
    rttm.py      read speaker turns from a file

Modules from engine.py down need torch and pyannote.audio; loading a pipeline imports them.
"""
