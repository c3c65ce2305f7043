"""A transcript is read in the encodings that subtitle tools write; a guess is reported."""

import json
import tracemalloc

import pytest

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.encoding import decode, decode_other
from diarize_runner.transcript.read import read

SRT = "1\n00:00:06,700 --> 00:00:07,160\n{}\n"
GUESSED = "the transcript is not UTF-8; read as {}, it may have wrong letters beyond a to z"


@pytest.fixture
def write(tmp_path):
    def write(text, encoding):
        path = tmp_path / "talk"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    "text", [SRT.format("Héllo").replace("\n", "\r\n"), '[{"start": 6.7, "end": 7.16, "text": "Héllo"}]']
)
def test_every_unicode_encoding_is_read_without_a_warning(write, text, encoding):
    transcript = read(write(text, encoding))
    assert [segment.text for segment in transcript.segments] == ["Héllo"]
    assert transcript.warnings == ()


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Oh, héllo there.", "cp1252"),
        ("Ça va très bien, où êtes-vous à Noël ?", "cp1252"),
        ("Año nuevo, ¿qué tal estás?", "cp1252"),
        ("Schöne Grüße aus Köln", "cp1252"),
        ("Zażółć gęślą jaźń, proszę państwa", "cp1250"),
        ("Привет, как дела сегодня?", "cp1251"),
        ("こんにちは、元気ですか", "cp932"),
    ],
)
def test_a_legacy_encoding_is_guessed_and_named(write, text, encoding):
    path = write(SRT.format(text), encoding)
    transcript = read(path)
    assert [segment.text for segment in transcript.segments] == [text]
    assert transcript.warnings == (GUESSED.format(encoding),)


def test_json_in_a_legacy_encoding_is_read_too(write):
    transcript = read(write('[{"start": 6.7, "end": 7.16, "text": "Schöne Grüße"}]', "cp1252"))
    assert [segment.text for segment in transcript.segments] == ["Schöne Grüße"]
    assert transcript.warnings == (GUESSED.format("cp1252"),)


def test_a_damaged_byte_in_utf_8_costs_one_letter(tmp_path):
    path = tmp_path / "talk"
    path.write_bytes(SRT.format("Schöne Grüße, ça va").encode().replace("ç".encode(), b"\xe7"))
    transcript = read(path)
    assert [segment.text for segment in transcript.segments] == ["Schöne Grüße, \N{REPLACEMENT CHARACTER}a va"]
    assert transcript.warnings == ("some bytes of the transcript are not UTF-8; each became U+FFFD",)


@pytest.mark.parametrize("data", [b"RIFF\xff\xff", b"Sch\xf6n\n"])
def test_the_hint_for_other_bytes_is_about_the_encoding(tmp_path, data):
    path = tmp_path / "talk"
    path.write_bytes(data)
    with pytest.raises(TranscriptError) as caught:
        read(path)
    assert caught.value.message == f"{path} is not text in UTF-8 or UTF-16"
    assert caught.value.hint == "convert it to UTF-8: iconv -f ENCODING -t UTF-8 FILE > CONVERTED"


@pytest.mark.parametrize(
    ("document", "language"),
    [
        ({"language": "ar", "segments": []}, "ar"),
        ({"language_code": "en_us", "text": "", "words": [], "audio_url": "x"}, "en-us"),
        ({"result": {"language": "he"}, "transcription": []}, "he"),
        ({"language": "english", "segments": []}, "en"),
        ({"language": "klingon", "segments": []}, None),
        ({"language": 3, "segments": []}, None),
    ],
)
def test_the_language_is_read_if_it_is_a_tag_or_one_of_whispers_names(write, document, language):
    assert read(write(json.dumps(document), "utf-8")).language == language


def test_a_file_whose_bytes_are_all_damaged_takes_little_memory():
    """A list of the damaged bytes took 80 times the file, and stopped all threads for ten seconds."""
    data = b"\xff" * 1_000_000
    text = decode(data).text
    tracemalloc.start()
    decode_other(data, text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(data)
