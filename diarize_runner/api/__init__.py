"""The public Python API, for notebooks and servers.

    session.py    open_session(cache, device, engine) -> OpenSession
    arguments.py  arguments -> Audio, Task
    results.py    Diarization and LabelledTranscript results that can be written, drawn and converted

The process belongs to the caller: its environment is restored, and the offline guard covers only the API calls.
"""
