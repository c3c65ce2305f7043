"""The JSON styles, read by the programs that they are for: OpenAI's client, whisperX, and WhisperLive's client."""

import json
import os
import subprocess
import sys

import pytest
from support.command import ROOT

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import JSON_STYLES
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.speaker_names import rename_speakers

pytestmark = pytest.mark.scenario

READERS = ROOT / "requirements/readers"
NAMES = {"SPEAKER_00": "Ada Lee", "SPEAKER_01": "李 雷"}
TEXTS = ["Oh, hello.", "I came in 2014."]


def talk(names=NAMES):
    """Return a recording of two speakers, named."""
    words = (("SPEAKER_00", 0.1, " Oh,"), ("SPEAKER_00", 0.5, " hello."))
    answer = [("SPEAKER_01", 2.6 + 0.3 * number, text) for number, text in enumerate((" I", " came", " in", " 2014."))]
    turns = (SpeakerTurn(start=0, end=2, speaker="SPEAKER_00"), SpeakerTurn(start=2.5, end=5, speaker="SPEAKER_01"))
    labelled = LabelledTranscript(
        uri="call",
        segments=(segment(0.0, 2.5, words), segment(2.5, 5.0, answer)),
        diarization=Diarization(uri="call", turns=turns, exclusive_turns=turns),
        language="en",
    )
    return Document(transcript=rename_speakers(labelled, names))


def segment(start, end, words):
    labelled = tuple(
        LabelledWord(start=at, end=at + 0.3, text=text, speaker=speaker, score=0.9) for speaker, at, text in words
    )
    text = "".join(word.text for word in labelled)
    return LabelledSegment(start=start, end=end, text=text, speaker=words[0][0], words=labelled)


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A folder with the three programs, from their locks."""
    folder = tmp_path_factory.mktemp("clients")
    install = [sys.executable, "-m", "uv", "--quiet", "pip", "install", "--target", folder, "--no-deps"]
    locks = [option for name in ("openai", "whisper-clients") for option in ("-r", READERS / f"{name}.txt")]
    subprocess.run([*install, "--require-hashes", *locks], check=True)
    return folder


def read_with(clients, code, *documents):
    """Run a program that reads documents with the clients; return the value that it prints as JSON."""
    program = f"import json, sys\ndocuments = sys.argv[1:]\n{code}\nprint(json.dumps(result))"
    done = subprocess.run(
        [sys.executable, "-c", program, *documents],
        env={**os.environ, "PYTHONPATH": str(clients)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


VALIDATE = """
from openai.types.audio import TranscriptionDiarized, TranscriptionVerbose
from pydantic import ValidationError

def extras(value, place=""):
    found = [f"{place}{key}" for key in value.model_extra or {}]
    for name in type(value).model_fields:
        inner = getattr(value, name)
        for each in inner if isinstance(inner, list) else [inner]:
            found += extras(each, f"{place}{name}.") if hasattr(each, "model_extra") else []
    return sorted(set(found))

def describe(model, document):
    try:
        read = model.model_validate_json(document, strict=True)
    except ValidationError as error:
        return {"errors": error.error_count()}
    return {"extras": extras(read), "texts": [each.text.strip() for each in read.segments],
            "speakers": [getattr(each, "speaker", None) for each in read.segments],
            "words": [word.word for word in getattr(read, "words", None) or []]}

models = [TranscriptionVerbose, TranscriptionVerbose, TranscriptionVerbose, TranscriptionDiarized]
result = [describe(model, document) for model, document in zip(models, documents)]
"""


@pytest.fixture(scope="module")
def validated(clients):
    """What OpenAI's client reads, validated strictly: verbose, a wrong verbose, WhisperLive's answer, diarized."""
    verbose, rest, diarized = (
        JSON_STYLES[style].render(talk()) for style in ("openai-verbose", "whisperlive-rest", "openai-diarized")
    )
    return read_with(clients, VALIDATE, verbose, verbose.replace('"seek": 0', '"seek": "0"'), rest, diarized)


def test_openais_client_validates_verbose_json_and_finds_only_the_speakers_besides(validated):
    read, wrong, _, _ = validated
    # `task` is documented, but not in the client's model.
    assert read["extras"] == ["segments.speaker", "task", "words.speaker"]
    assert (read["texts"], read["speakers"]) == (TEXTS, list(NAMES.values()))
    assert read["words"] == ["Oh,", "hello.", "I", "came", "in", "2014."]
    assert wrong == {"errors": 2}


def test_openais_client_validates_the_answer_of_whisperlives_rest_api(validated):
    _, _, read, _ = validated
    assert read["extras"] == ["language_probability", "segments.speaker", "segments.words", "task"]
    assert (read["texts"], read["speakers"]) == (TEXTS, list(NAMES.values()))


def test_openais_client_validates_diarized_json_and_finds_nothing_else(validated):
    _, _, _, read = validated
    assert (read["extras"], read["texts"], read["speakers"]) == ([], TEXTS, list(NAMES.values()))


SCHEMA = """
import typing
from typing_extensions import NotRequired, TypedDict
typing.TypedDict = TypedDict  # pydantic needs this one before Python 3.12
from pydantic import TypeAdapter, ValidationError, with_config
from whisperx.schema import AlignedTranscriptionResult, SingleAlignedSegment, SingleWordSegment

# assign_word_speakers of whisperx/diarize.py adds `speaker`; `chars` are written only if they are requested.
strict = with_config({"extra": "forbid", "strict": True})
word = strict(TypedDict("word", {**SingleWordSegment.__annotations__, "speaker": NotRequired[str]}))
aligned = {**SingleAlignedSegment.__annotations__, "words": list[word], "speaker": NotRequired[str]}
aligned["chars"] = NotRequired[aligned["chars"]]
segment = strict(TypedDict("segment", aligned))
whole = {**AlignedTranscriptionResult.__annotations__, "segments": list[segment], "word_segments": list[word]}
adapter = TypeAdapter(strict(TypedDict("whole", {**whole, "language": str})))
result = [each["speaker"] for each in adapter.validate_json(documents[0])["segments"]]
try:
    adapter.validate_json(documents[1])
except ValidationError as error:
    result.append(error.error_count())
"""


def test_whisperxs_own_types_describe_its_style(clients):
    document = JSON_STYLES["whisperx"].render(talk())
    wrong = document.replace('"language"', '"tongue"')
    missing_and_unknown = 2
    assert read_with(clients, SCHEMA, document, wrong) == [*NAMES.values(), missing_and_unknown]


WRITE = """
from pathlib import Path
from tempfile import TemporaryDirectory
from whisperx.utils import get_writer
options = {"max_line_width": None, "max_line_count": None, "highlight_words": False}
result = {}
with TemporaryDirectory() as folder:
    for kind in ("srt", "vtt", "txt", "tsv"):
        get_writer(kind, folder)(json.loads(documents[0]), "call.wav", options)
        result[kind] = Path(folder, f"call.{kind}").read_text()
"""


def test_whisperxs_own_writers_write_it(clients):
    written = read_with(clients, WRITE, JSON_STYLES["whisperx"].render(talk()))
    assert "[Ada Lee]: Oh, hello." in written["srt"]
    assert "00:02.600 --> 00:03.800\n[李 雷]: I came in 2014." in written["vtt"]
    assert written["txt"] == "[Ada Lee]: Oh, hello.\n[李 雷]: I came in 2014.\n"
    assert written["tsv"].splitlines()[1] == "0\t2500\tOh, hello."


def test_whisperxs_own_writers_accept_a_segment_without_words(clients):
    untimed = LabelledSegment(start=5, end=6, text=" £13.60!", speaker=None)
    document = talk()
    transcript = document.transcript
    mixed = LabelledTranscript(
        uri="call", segments=(*transcript.segments, untimed), diarization=transcript.diarization, language="en"
    )
    written = read_with(clients, WRITE, JSON_STYLES["whisperx"].render(Document(transcript=mixed)))
    assert written["txt"].splitlines()[-1] == "£13.60!"


LISTEN = """
from types import ModuleType
sys.modules["pyaudio"] = ModuleType("pyaudio")  # records from a microphone; it has no wheel for Linux
from whisper_live.client import Client

heard = []
keep = lambda text, segments: heard.append(text)
client = Client("127.0.0.1", 1, log_transcription=False, transcription_callback=keep)
message = json.loads(documents[0])
client.uid = message["uid"]
client.on_message(None, json.dumps({"uid": client.uid, "message": "SERVER_READY", "backend": "faster_whisper"}))
client.on_message(None, documents[0])
client.write_srt_file("/dev/stderr")
result = {"heard": heard, "kept": client.transcript, "last": client.last_segment}
"""


def test_whisperlives_client_takes_the_message_as_its_servers(clients):
    read = read_with(clients, LISTEN, JSON_STYLES["whisperlive-socket"].render(talk()))
    assert read["heard"] == [" ".join(TEXTS)]
    assert [each["speaker"] for each in read["kept"]] == list(NAMES.values())
    assert (read["kept"][0]["words"][0], read["last"]) == (
        {"word": " Oh,", "start": "0.100", "end": "0.400", "probability": 0.9},
        None,
    )
