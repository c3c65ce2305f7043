"""What Python callers use, as a notebook does: an entry point like the command line, for objects.

    session.py   open_session(cache, device, engine) -> PythonSession
    results.py   what its calls return: a Diarization or a LabelledTranscript that can be written, drawn and converted

The process is somebody else's: its environment comes back, and the offline guard reaches the call alone.
"""
