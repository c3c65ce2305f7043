"""From a Transcription and a Recording to the same words, with times from forced alignment.

    models.py       the alignment models of a cache, by language
    environment.py  find the environment of whisperX
    words.py        the segments of a transcript -> texts to align, and back
    aligner.py      Aligner: one transcript after the other
        protocol.py   the request and the events, as JSON
    transcriber.py  AligningTranscriber: transcribe, then align
    child.py        the child process: it alone imports whisperX, in an environment of its own

whisperX needs another torch and another huggingface_hub than diarization, so the child process runs in its environment
(docs/adr/0026). It imports only modules of this package that need the standard library and numpy.
"""
