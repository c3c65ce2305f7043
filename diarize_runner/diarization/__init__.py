"""From a VerifiedCache and a Recording to a Diarization.

    audio.py     any container -> Recording: mono, 16 kHz, float32
    engine.py    load(VerifiedCache, device) -> Diarizer, behind the offline guard (guard.py)
    ge2e.py      the embedded cache's speaker encoder, as a pyannote model
    turns.py     SpeakerTurn, Diarization: the result, free of any framework's types

torch and pyannote.audio are imported by engine.py and ge2e.py alone, and only when one of them is.
"""
