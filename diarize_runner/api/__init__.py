"""The public Python API, for notebooks and servers.

    session.py          open_session(cache, device, engine) -> OpenSession
    arguments.py        arguments -> Audio, Task, CurrentVoices
    enrolment.py        recordings of one person -> a voice in a file
    caller_progress.py  progress, as the caller sees it
    results.py          Diarization and LabelledTranscript results that can be written, drawn and converted

The process belongs to the caller: its environment is restored, and the offline guard covers only the API calls.
"""
