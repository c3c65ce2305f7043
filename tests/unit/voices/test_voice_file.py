"""The file of voices: its format, its permissions and its changes."""

import json
import os
import stat

import pytest

from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ManifestError, UnsupportedFormat, UsageError, VoiceError
from diarize_runner.voices.document import Voice, Voices
from diarize_runner.voices.file import VoiceFile, add_voice, delete_voice

MODEL, OTHER = (hash_bytes(each).digest for each in (b"one", b"other"))


def voice(name, *embedding):
    return Voice(
        name=name,
        enrolled="2026-11-30T12:00:00+00:00",
        seconds=12.34,
        embeddings=(embedding or (0.6, -0.8), (-1.0, 0.0)),
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "voices.json"


@pytest.fixture
def file(path):
    """A file of two voices."""
    for name in ("Bo", "Ada"):
        add_voice(path, voice(name), MODEL)
    return path


def names(path):
    return [each.name for each in VoiceFile.load(path).content.voices]


def test_a_file_is_read_as_it_was_written(file):
    content = VoiceFile.load(file).content
    assert content.to_bytes() == file.read_bytes()
    assert Voices.from_bytes(file.read_bytes(), "it") == content
    assert VoiceFile.load(file).digest == hash_bytes(file.read_bytes()).digest
    assert (content.model, names(file)) == (MODEL, ["Ada", "Bo"])
    assert content.voices[0].embeddings == ((0.6, -0.8), (-1.0, 0.0))
    assert json.loads(file.read_bytes())["format"] == "diarize-runner/voices/1"


def test_only_its_owner_can_read_it_whatever_the_umask_is(path):
    former = os.umask(0)
    try:
        add_voice(path, voice("Ada"), MODEL)
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["voices.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_other_users_can_use_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(UsageError, match="other users can use the voices") as refused:
        VoiceFile.load(file)
    assert refused.value.hint == f"run: chmod 600 {file}"


def test_a_link_to_the_file_stays_a_link(file, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(file)
    delete_voice(link, "Bo")
    assert (link.is_symlink(), names(file)) == (True, ["Ada"])


def damage(**changes):
    return lambda document: {**document, **changes}


def damage_voice(**changes):
    return lambda document: {**document, "voices": [{**document["voices"][0], **changes}]}


DAMAGES = {
    "another format": (damage(format="diarize-runner/manifest/2"), "is not diarize-runner/voices/1"),
    "a newer format": (damage(format="diarize-runner/voices/2"), "is not diarize-runner/voices/1"),
    "no digest": (damage(model="md5:0"), "not a sha256 digest"),
    "a key too many": (damage(owner="me"), "unknown key 'owner'"),
    "no list": (damage(voices={}), "expected a list"),
    "a label": (damage_voice(name="SPEAKER_00"), "is a label"),
    "a control character": (damage_voice(name="A\x07da"), "is no name"),
    "a word": (
        damage_voice(embeddings=[["much", 0.8]]),
        r"not a number from -1 to 1 in 'voices\[0\].embeddings\[0\]\[0\]'",
    ),
    "not a number": (damage_voice(embeddings=[[float("nan"), 0.8]]), "not a number from -1 to 1"),
    "too short a vector": (damage_voice(embeddings=[[0.6, -0.7]]), "not of unit length"),
    "no embedding": (damage_voice(embeddings=[]), "the voice has no embedding"),
    "no vector": (damage_voice(embeddings=[[]]), "not of unit length"),
    "no seconds": (damage_voice(seconds=-1), "out of range"),
    "a name twice": (lambda document: {**document, "voices": [document["voices"][0]] * 2}, "the same name"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_with_the_place_and_what_to_do(file, name):
    change, said = DAMAGES[name]
    file.write_text(json.dumps(change(json.loads(file.read_bytes()))))
    with pytest.raises(ManifestError, match=said) as refused:
        VoiceFile.load(file)
    assert str(file) in refused.value.message
    assert refused.value.hint
    assert not any(secret in refused.value.message for secret in ("0.6", "0.8"))


@pytest.mark.parametrize(("data", "said"), [(b"", "is empty"), (b"{", "not a JSON document"), (b"\xff", "not a JSON")])
def test_a_file_that_is_cut_short_is_refused(path, data, said):
    path.touch(0o600)
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=said) as refused:
        VoiceFile.load(path)
    assert "backup" in refused.value.hint


def test_a_file_of_another_release_is_not_called_damaged(file):
    file.write_text(file.read_text().replace("voices/1", "voices/9"))
    with pytest.raises(UnsupportedFormat) as refused:
        VoiceFile.load(file)
    assert refused.value.hint == "use the diarize-runner release that wrote it, or create it again"


def test_embeddings_of_two_lengths_are_refused(file):
    document = json.loads(file.read_bytes())
    document["voices"][1]["embeddings"] = [[1.0]]
    file.write_text(json.dumps(document))
    with pytest.raises(ManifestError, match="differ in length"):
        VoiceFile.load(file)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_bad_usage(path, kind):
    {"missing": lambda _: None, "folder": os.mkdir, "pipe": os.mkfifo}[kind](path)
    with pytest.raises(UsageError):
        VoiceFile.load(path)


def test_voices_of_another_model_are_refused_and_not_changed(file):
    before = file.read_bytes()
    with pytest.raises(VoiceError, match="another embedding model") as refused:
        VoiceFile.load(file).require_model(OTHER)
    assert "enroll each voice again" in refused.value.hint
    with pytest.raises(VoiceError):
        add_voice(file, voice("Cy"), OTHER)
    assert file.read_bytes() == before


def test_a_file_without_voices_takes_those_of_any_model(file):
    for name in ("Ada", "Bo"):
        delete_voice(file, name)
    add_voice(file, voice("Cy"), OTHER)
    assert (VoiceFile.load(file).content.model, names(file)) == (OTHER, ["Cy"])


def test_a_voice_takes_the_place_of_the_one_of_its_name(file):
    add_voice(file, voice("ada", 1.0, 0.0), MODEL)
    assert names(file) == ["Bo", "ada"]


@pytest.mark.parametrize("name", ["Ada", "ADA"])
def test_names_that_differ_in_case_alone_are_one_name(file, name):
    with pytest.raises(UsageError, match="has a voice named Ada") as refused:
        VoiceFile.load(file).require_new(name)
    assert "--replace" in refused.value.hint
    VoiceFile.load(file).require_new("Cy")


def test_a_voice_that_is_not_there_cannot_be_deleted(file):
    with pytest.raises(UsageError, match="no voice named Cy") as refused:
        delete_voice(file, "Cy")
    assert refused.value.hint == "its voices: Ada, Bo"
    delete_voice(file, "Ada")
    assert names(file) == ["Bo"]


def test_an_embedding_is_not_shown_by_repr():
    assert "0.6" not in repr(VoiceFile(path="it", digest=MODEL, content=Voices(model=MODEL, voices=(voice("Ada"),))))
