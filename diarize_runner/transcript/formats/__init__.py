"""The formats that results are written in, one module each.

Each has one pure function, `render`, from a result to the whole text of the file:

    json       LabelledTranscript     everything that is known
    srt        LabelledTranscript     subtitles
    rttm       Diarization            speaker turns, as the tools that score them read them

Where a format cannot say something, its module says what is written instead.
"""
