"""The dialects that transcripts are written in, one module each.

    whisper       JSON: a list of segments, as WhisperLive, whisperX, faster-whisper and Whisper write it
    openai        JSON: segments, and all words in a second list, as OpenAI's verbose_json
    whisper_cpp   JSON: `transcription`, in milliseconds, with tokens for words
    assemblyai, deepgram, aws_transcribe    JSON of these services
    srt           SRT
    vtt           WebVTT
    stm           NIST STM

A document is the parsed value of a JSON file, or the text of any other. A dialect recognises its documents by their
content, by what only it has, then reads them or names the place of the error. A word without times, or with impossible
ones, is kept, with estimated times.

A dialect has the name of the output format of the same kind, if there is one.

Shared: `dialect` defines the interface, `raw` what it returns, `fields` reads JSON values, `cues` reads the times and
texts of subtitles, `word_lists` makes segments of words, `interpolation` estimates missing times.
"""
