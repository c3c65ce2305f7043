"""The dialects that transcripts are written in, one module each.

    whisper       JSON: a list of segments, as WhisperLive, whisperX, faster-whisper and Whisper write it
    openai        JSON: the same with all words in one list, as OpenAI's verbose_json has it
    whisper_cpp   JSON: `transcription`, in milliseconds, with tokens for words
    srt           SRT
    vtt           WebVTT
    stm           NIST STM

A document is what a file holds: the value if it is JSON, else its text. A dialect says by the content whether a
document is meant to be its own, and then reads it or says where it is wrong. A word that has no times in the document
is given those between its neighbours, and marked: no word is dropped for want of a time.

A dialect is called as the format of the same name that results are written in, where there is one.

What they share: `dialect` is what each of them is, `fields` reads JSON by place, `cues` reads when subtitles are shown,
`untimed` times the untimed.
"""
