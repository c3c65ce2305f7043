"""Assign the speakers of a `Diarization` to a transcript, and write the result.

    model       Word, Segment, Transcript; labelled: LabelledSegment, LabelledTranscript
    names       recognise transcript files by their suffix
    read        a file, in one of several `dialects`  -> Transcript; `encoding` decodes it
    exclusive   SpeakerTurns, overlapping             -> SpeakerTurns, one speaker at a time
    assign      Transcript + Diarization              -> LabelledTranscript, by `rules`
    review      LabelledTranscript                    -> warnings where it may be wrong
    speaker_names  LabelledTranscript                 -> LabelledTranscript, with names of people for labels
    statistics  LabelledTranscript                    -> talk time and words of each speaker
    subtitles   LabelledTranscript                    -> cues, as its segments or laid out for reading
    formats     LabelledTranscript                    -> JSON, subtitles, text, annotations
                Diarization                           -> RTTM

`assign` looks speakers up in `speaker_index`. `smoothing` and `splitting` work on `runs` of one speaker's words, and
`sentences` finds words and sentence ends in a text.

The transcriber knows the words and the diarizer knows the speakers; they share only the recording's clock. So every
time in this package is in seconds from the start of the recording, and labelling only adds speakers: it loses, moves
and rewords nothing, and the pieces of a split segment join to its text. Speaker `None` means that none was found.

`read` raises `TranscriptError`, which names the place, and enforces `bounds`; `assign` enforces the bound on the two
together. All else is pure.
"""
