"""The dialects that transcripts are written in, one module each.

    whisper       JSON: a list of segments, as WhisperLive, whisperX, faster-whisper and Whisper write it
    openai        JSON: segments, and all words in a second list, as OpenAI's verbose_json
    whisper_cpp   JSON: `transcription`, in milliseconds, with tokens for words
    srt           SRT
    vtt           WebVTT
    stm           NIST STM

A document is the parsed value of a JSON file, or the text of any other. A dialect recognises its documents by their
content, then reads them or names the place of the error. A word without times is kept, with estimated times.

A dialect has the name of the output format of the same kind, if there is one.

Shared: `dialect` defines the interface, `fields` reads JSON values, `cues` reads the times and texts of subtitles,
`interpolation` estimates missing times.
"""
