"""The output formats, one module each, each with one pure function, `render`.

    json         Document               everything known
    whisperlive  LabelledTranscript     the JSON of WhisperLive's guide, and of its server
    openai       Document               the JSON of OpenAI's transcription API
    whisperx     LabelledTranscript     the JSON of whisperX, and of Amanu's provider of it
    srt, vtt     LabelledTranscript     subtitles, of segments or laid out by ../subtitles
    txt          LabelledTranscript     plain text for people
    ctm, stm     LabelledTranscript     words and segments, for tools that score transcripts
    rttm         Diarization            speaker turns, for tools that score diarizations
    textgrid     Document               for Praat
    eaf          Document               for ELAN
    labels       LabelledTranscript     for Audacity
    html         Document               a page: timeline, talk time, transcript; from page/, with timeline.py

registry.py has them by name. A Document (document.py) adds to a LabelledTranscript what some formats also need: the
recording's address, and how the result was made (provenance.py). Formats share tiers.py and overlap.py for the data,
clock.py and fields.py for times and names.

If a format cannot express a value, its module documents the substitute. No format loses a word of the text.
"""
