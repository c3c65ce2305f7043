"""The formats that results are written in, one module each, each with one pure function, `render`.

    json         Document               everything that is known
    whisperlive  LabelledTranscript     the JSON of WhisperLive's guide, and no more
    srt, vtt     LabelledTranscript     subtitles
    txt          LabelledTranscript     to read
    ctm, stm     LabelledTranscript     words and segments, as the tools that score transcripts read them
    rttm         Diarization            speaker turns, as the tools that score them read them
    textgrid     Document               for Praat
    eaf          Document               for ELAN
    labels       LabelledTranscript     for Audacity
    html         Document               a page: timeline, talk time, transcript; from page/, with timeline.py

known.py has them by name. A Document (document.py) is a LabelledTranscript and what some formats say beyond it:
where the recording lies, and how the result came about (provenance.py). What several formats need to know of a
result is in tiers.py and overlap.py; how times and names are written, in clock.py and fields.py.

Where a format cannot say something, its module says what is written instead. No format loses a word of the text.
"""
