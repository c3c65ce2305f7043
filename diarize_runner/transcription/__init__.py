"""From a VerifiedCache and a Recording to a Transcript.

    options.py    TranscriptionOptions: model, language, device, precision, batch
    languages.py  names, codes and aliases of languages
    models.py     the transcription models of a cache
    transcriber.py  Transcriber: one model, for one recording after the other
        process.py    its child process: start, request, events, deadline, kill; alignment uses it, too
        protocol.py   the request and the events, as JSON
            events.py     events as lines of JSON, for each such process
        times.py      words that take time, one after the other, within the recording
    child.py      the child process: it alone imports faster_whisper and ctranslate2
        answering.py  what it shares with the child process of alignment
        cublas.py     find the CUDA library that ctranslate2 opens by name

The model runs in a child process, so that its memory is freed at once if a recording is cancelled, and a crash of
native code ends only that recording. It gets the samples that diarization gets: both share one clock.
"""
