"""Put the speakers of a `Diarization` on the segments of a transcript, and write the result down.

    model      Word, Segment, Transcript; and once labelled: LabelledSegment, LabelledTranscript
    read       a file, in one of several `dialects`       -> Transcript
    sentences  where a text's words are in it
    assign     Transcript + Diarization                   -> LabelledTranscript
    formats    LabelledTranscript                         -> JSON, subtitles, text, annotations
               Diarization                                -> RTTM

The transcriber knows what was said, the diarizer who was speaking, and neither knows the other: all they
share is the recording's clock. So every time in this package is in seconds from the start of the recording,
and labelling adds a speaker to each segment and does nothing else: no segment is lost, moved or reworded.
A segment that nobody can be found for has the speaker `None`.

A reader raises `TranscriptError`, which names the place; `assign` and `formats` are pure and raise nothing.
"""
