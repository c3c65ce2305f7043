"""Measure transcription and speaker assignment: `make bench-transcription`, or with RECORDINGS=FOLDER on your own.

Words: WER, cpWER and tcpWER of `run`, and of whisperX's speaker assignment on the same transcripts and speaker turns.
Speed: each stage alone, both one after the other, and both side by side. Commands: from a cold start to a labelled
file, beside whisperX's command on the same weights. Memory: the child process, and all processes of `run`.

    recordings.py     recordings of known text
    words.py          a labelled transcript as utterances to score
    accuracy.py       transcribe, diarize, label twice, score
    environments.py   the virtual environment of the word error rates
    label_whisperx.py a process in whisperX's environment: its speaker assignment
    score.py          a process in the environment of the word error rates
    speed.py          rounds of the stages
    commands.py       rounds of cold commands
    memory.py         peak memory of the processes of a command
    page.py           the tables of docs/benchmarks.md
    __main__.py       the report
"""
