import json
import subprocess
import sys

import pytest

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.model import Segment, Word
from diarize_runner.transcript.read import parse, read

WHISPER = (
    'WhisperLive, whisperX or faster-whisper JSON: {"segments": [{"start": "0.000", "end": "2.500", "text": "Hello"}]}'
)
ANY_DIALECT = (
    "whisper.cpp JSON, AssemblyAI JSON, Deepgram JSON, Amazon Transcribe JSON, OpenAI verbose_json, "
    "WhisperLive, whisperX or faster-whisper JSON, WebVTT, SRT or NIST STM"
)
STM = "NIST STM: file channel speaker start end [<labels>] text"
HELLO = Segment(start=0.0, end=2.5, text="Hello")


@pytest.mark.parametrize(
    "document",
    [
        '{"segments": [{"start": "0.000", "end": "2.500", "text": "Hello"}]}',
        '[{"start": "0.000", "end": "2.500", "text": "Hello"}]',
        '{"language": "en", "segments": [{"start": 0, "end": 2.5, "text": "Hello", "completed": true, "words": null}]}',
        "a 1 somebody 0.0 2.5 Hello",
        ";; from a corpus\n\na 1 somebody 0.0 2.5 <o,f0,male> Hello\r\n",
    ],
    ids=["WhisperLive", "a bare list", "numbers and other keys", "STM", "STM with comments and labels"],
)
def test_a_transcript_reads_the_same_in_every_dialect(document):
    assert parse(document).segments == (HELLO,)


@pytest.mark.parametrize("document", ['{"segments": []}', "[]", ";; nobody spoke\n"])
def test_a_transcript_may_have_no_segments(document):
    assert parse(document).segments == ()


def test_words_keep_their_times_and_spaces():
    words = [
        {"start": 0.1, "end": 0.4, "word": " Oh,", "probability": 0.9},
        {"start": 0.5, "end": 0.5, "word": " hello."},
    ]
    document = json.dumps([{"start": 0, "end": 1, "text": " Oh, hello.", "words": words}])
    (segment,) = parse(document).segments
    assert segment.text == " Oh, hello."
    assert segment.words == (Word(start=0.1, end=0.4, text=" Oh,"), Word(start=0.5, end=0.5, text=" hello."))


def test_segments_stay_in_the_order_of_the_file():
    document = "a 1 x 5 6 later\na 1 y 1 9 earlier <and> around it\na 2 z 7 7"
    assert [segment.text for segment in parse(document).segments] == ["later", "earlier <and> around it", ""]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "transcript.json"
    path.write_text('[{"start": 0, "end": 2.5, "text": "Hello"}]', encoding="utf-8-sig")
    assert read(path).segments == (HELLO,)


def test_the_sample_of_pyannote_is_read(sample):
    segments = read(sample / "sample.stm").segments
    assert len(segments) == 13
    assert segments[0] == Segment(start=6.68, end=7.16, text="Hello?")
    assert segments[-1] == Segment(start=28.445, end=29.987, text="Oh, I don't hear that in New Jersey now.")


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ('{"segments": {}}', "segments is not a list: {}"),
        ('{"segments": [3]}', "segments[0] is not an object: 3"),
        ("[3]", "[0] is not an object: 3"),
        ('[{"end": 1, "text": ""}]', "[0].start is missing"),
        ('[{"start": 0, "end": 1}]', "[0].text is missing"),
        ('[{"start": 0, "end": 1, "text": null}]', "[0].text is not a string: None"),
        ('[{"start": 0, "end": 1, "text": "\\ud83d"}]', r"[0].text has an unpaired surrogate: '\ud83d'"),
        ('{"segments": [{"start": "0", "end": "soon"}]}', "segments[0].end is not a time in seconds: 'soon'"),
        ('[{"start": 0}]', "[0].end is missing"),
        ('[{"start": "00:00:01,000", "end": 2}]', "[0].start is not a time in seconds: '00:00:01,000'"),
        ('[{"start": 0, "end": "inf"}]', "[0].end is inf s, beyond the limit of 10 days"),
        ('[{"start": 0, "end": 1e999}]', "[0].end is inf s, beyond the limit of 10 days"),
        ('[{"start": false, "end": 1}]', "[0].start is not a time in seconds: False"),
        ('[{"start": 0, "end": null}]', "[0].end is not a time in seconds: None"),
        ('[{"start": 0, "end": 1, "text": ""}, 3]', "[1] is not an object: 3"),
        ('[{"start": 0, "end": 1, "text": "", "words": "no"}]', "[0].words is not a list: 'no'"),
        ('[{"start": 0, "end": 1, "text": "", "words": ["no"]}]', "[0].words[0] is not an object: 'no'"),
        (
            '[{"start": 0, "end": 1, "text": "", "words": [{"start": 0, "end": 1}]}]',
            "[0].words[0].word is missing",
        ),
    ],
)
def test_an_error_in_json_names_its_place(document, error):
    with pytest.raises(TranscriptError) as caught:
        parse(document, name="talk.json")
    assert caught.value.message == f"talk.json: {error}"
    assert caught.value.hint == f"expected {WHISPER}"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("a 1 x 3", "line 3 has 4 fields; expected 5 and a text"),
        ("a 1 x then 4 Hello", "line 3, start is not a time in seconds: 'then'"),
        ("a 1 x 3 now Hello", "line 3, end is not a time in seconds: 'now'"),
        ("b 1 x 3 4 Hello", "line 3 names a second recording: 'b'"),
    ],
)
def test_an_error_in_stm_names_its_line(line, error):
    with pytest.raises(TranscriptError) as caught:
        parse(f"a 1 x 0 1 Hello\n\n{line}\n", name="talk.stm")
    assert caught.value.message == f"talk.stm: {error}"
    assert caught.value.hint == f"expected {STM}"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b" \n", "{} is empty"),
        (b"Hello? Hello. I didn't know you were there.", "{} is text, but not a supported transcript"),
        (b'"Hello?"', "{} is text, but not a supported transcript"),
        (b'{"text": "Hello?"}', "{} is JSON, but not a supported transcript"),
        (b'{"segments": [', "{} is not valid JSON: Expecting value: line 1 column 15 (char 14)"),
    ],
)
def test_an_error_for_other_files_lists_the_dialects(tmp_path, document, message):
    path = tmp_path / "talk.json"
    path.write_bytes(document)
    with pytest.raises(TranscriptError) as caught:
        read(path)
    assert caught.value.message == message.format(path)
    assert caught.value.hint == f"expected {ANY_DIALECT}"


@pytest.mark.parametrize(
    ("document", "kind", "hint"),
    [
        ("[00:06.70]Hello\n", "LRC lyrics", "convert it to SRT: ffmpeg"),
        ("[ti:Song]\n[00:06.70]Hello\n", "LRC lyrics", "convert it to SRT: ffmpeg"),
        ("[Script Info]\n\n[Events]\n", "ASS subtitles", "convert it to SRT: ffmpeg"),
        ("[SPEAKER_00]: Hello\n", "text without times", "let the transcriber write JSON"),
    ],
)
def test_other_formats_are_named_as_what_they_are(document, kind, hint):
    with pytest.raises(TranscriptError) as caught:
        parse(document, name="talk")
    assert caught.value.message == f"talk is {kind}, but not a supported transcript"
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("document", ["[" * 100_000, "[" + "9" * 5000 + "]"], ids=["too deep", "too many digits"])
def test_json_beyond_the_limits_of_python_is_refused(document):
    with pytest.raises(TranscriptError, match="is not valid JSON: "):
        parse(document)


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path):
    with pytest.raises(TranscriptError) as caught:
        read(tmp_path / "nothing.json")
    assert caught.value.message == f"cannot read {tmp_path / 'nothing.json'}: No such file or directory"
    with pytest.raises(TranscriptError, match="Is a directory"):
        read(tmp_path)


def test_transcript_modules_import_neither_numpy_nor_torch_nor_av():
    modules = ("read", "assign", "formats.json", "formats.srt", "formats.rttm")
    imports = "; ".join(f"import diarize_runner.transcript.{module}" for module in modules)
    code = f"import sys; {imports}; sys.exit(not {{'numpy', 'torch', 'av'}}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
