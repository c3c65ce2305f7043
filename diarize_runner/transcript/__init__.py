"""Put the speakers of a `Diarization` on the segments of a transcript, and write the result down.

    model      Word, Segment, Transcript; and once labelled: LabelledSegment, LabelledTranscript
    names      which files are transcripts
    read       a file, in one of several `dialects`       -> Transcript
    exclusive  SpeakerTurn*, overlapping                  -> SpeakerTurn*, one speaker at a time
    assign     Transcript + Diarization                   -> LabelledTranscript, by `rules`
    formats    LabelledTranscript                         -> JSON, subtitles, text, annotations
               Diarization                                -> RTTM

`assign` asks `hearing` who is heard at a time; `smoothing` and `splitting` look at the `runs` of one speaker's words,
and `sentences` finds them in their text.

The transcriber knows what was said, the diarizer who was speaking, and neither knows the other: all they
share is the recording's clock. So every time in this package is in seconds from the start of the recording,
and labelling adds speakers and does nothing else: no word is lost, moved or reworded, and the texts of a segment
that was split are its text. What nobody can be found for has the speaker `None`.

`read` raises `TranscriptError`, which names the place, and keeps documents within `bounds`; so does
`assign`, of both together. All else is pure and raises nothing.
"""
