"""Enrolled voices: the people whom `diarize` names in place of labels, and voices that several recordings share.

    names.py      which names a voice may have
    document.py   the format of the file, `diarize-runner/voices/1`
    file.py       the file on disk: readable by its owner only, changed atomically by one process at a time
    matching.py   the embeddings of a recording's speakers -> names by label
    linking.py    the embeddings of a recording's speakers and of those heard before -> common labels by label
    pairing.py    cosines of speakers and voices -> pairs, one to one

An embedding is biometric data: it stays in the file. No result, log line or error has one.
"""
