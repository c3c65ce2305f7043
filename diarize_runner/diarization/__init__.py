"""From a VerifiedCache and a Recording to a Diarization.

    audio.py     any container -> Recording: mono, 16 kHz, float32
        decoding.py  what FFmpeg does for it, confined to a process of its own
    engine.py    load(VerifiedCache, device, engine) -> Diarizer
        guard.py          no connection is made meanwhile by this code, or by a thread that it starts (scope.py)
        fence.py          no file of the caller's is read meanwhile
        surroundings.py   the environment that libraries read, which comes back
        quiet.py          what they warn of and print
        models.py    pyannote's pipeline, made of verified bytes
    exact.py     the exact engine: a loaded pipeline made to give the same output sooner
        segmentation.py, embedding.py, reconstruction.py   three stages of it
        trunk.py                                           a network made ready for a device
        workers.py                                         one worker a core, for what runs on a CPU
    ge2e.py      the embedded cache's speaker encoder, as a pyannote model
    engines.py   what the engines are called
    turns.py     SpeakerTurn, Diarization: the result, free of any framework's types
    rttm.py      the same, read out of a file

torch and pyannote.audio are needed from engine.py down, and imported when a pipeline is loaded.
"""
