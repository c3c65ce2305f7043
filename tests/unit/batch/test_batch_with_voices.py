"""Known speakers in a batch: every machine compares its file of voices with that of the plan."""

import json
import pickle
import struct
import sys
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.batches import SilentConsole
from support.voices import MODEL, OTHER_MODEL, embedding_of

from diarize_runner.batch import session
from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.on_ray import task
from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError, VoiceError
from diarize_runner.transcript.formats.provenance import KnownSpeakersReference
from diarize_runner.voices.document import Voice
from diarize_runner.voices.file import VoiceFile, add_voice

HINT = "copy one file of voices to this path on all machines, with mode 0600; then run the batch again"
PLAIN = Configuration(manifest=Digest(hex="0" * 64), engine="exact")


def voice(name, person):
    embedding = tuple(map(float, embedding_of(person)))
    return Voice(name=name, enrolled="2026-11-30T12:00:00+00:00", seconds=9.0, embeddings=(embedding,))


@pytest.fixture
def voices(tmp_path):
    """A file with Ada's voice."""
    add_voice(tmp_path / "voices.json", voice("Ada", "ada"), MODEL)
    return tmp_path / "voices.json"


@pytest.fixture
def plan(local_batch, voices):
    """A plan that names speakers after the file."""
    reference = KnownSpeakersReference(voices=VoiceFile.load(voices).digest, threshold=0.6)
    configuration = replace(local_batch.plan.configuration, known_speakers=reference)
    return replace(local_batch.plan, configuration=configuration, voices=str(voices))


@pytest.fixture
def opened(monkeypatch):
    """The caches that were opened; none can be."""
    caches = []

    def refuse(folder, _progress):
        caches.append(folder)
        raise ManifestError("no cache here")

    monkeypatch.setattr(session, "open_cache", refuse)
    return caches


def known(digit="a", threshold=0.6):
    return KnownSpeakersReference(voices=Digest(hex=digit * 64), threshold=threshold)


def test_a_batch_without_voices_keeps_the_folder_that_it_had_before_there_were_any():
    assert PLAIN.name == "e708d603db0ca37a"
    assert "known_speakers" not in PLAIN.to_dict()


def test_the_voices_and_the_threshold_decide_the_folder():
    changed = [known(), known("b"), known(threshold=0.7)]
    names = {replace(PLAIN, known_speakers=each).name for each in changed}
    assert len({*names, PLAIN.name}) == 4
    assert replace(PLAIN, known_speakers=known()).name in names


def test_a_machine_with_the_same_file_goes_on_to_the_models(plan, opened):
    with pytest.raises(ManifestError, match="no cache here"), ExitStack() as stack:
        session.open_session(plan, SilentConsole(), stack)
    assert len(opened) == 1


def differ(path):
    add_voice(path, voice("Bo", "bo"), MODEL)


BROKEN = {
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "different": (differ, "differs from the file of voices that this batch began with"),
    "readable by others": (lambda path: path.chmod(0o640), "other users can use the voices in "),
    "damaged": (lambda path: path.write_text("{"), "not a JSON document"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_machine_with_another_file_loads_no_models(how, plan, voices, opened):
    damage, problem = BROKEN[how]
    damage(voices)
    with pytest.raises(VoiceError, match=problem) as raised, ExitStack() as stack:
        session.open_session(plan, SilentConsole(), stack)
    assert str(voices) in raised.value.message
    assert raised.value.hint == HINT
    assert opened == []


def test_a_node_with_another_file_cannot_work_and_no_recording_is_charged(plan, voices, local_batch, monkeypatch):
    local_batch.add("a.wav")
    differ(voices)
    monkeypatch.setattr(task, "_loaded", None)
    context = SimpleNamespace(get_node_id=lambda: "node 7")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))
    pending = tuple(local_batch.work(configuration=plan.configuration).pending)

    result = task.run_chunk(plan, pending)

    assert (result.outcomes, result.failure.node, result.failure.hint) == ((), "node 7", HINT)
    assert "differs from the file of voices" in result.failure.message
    work = local_batch.work(configuration=plan.configuration)
    assert (len(work.pending), work.given_up) == (1, [])
    attempts = [local_batch.output.read(key).data for key in local_batch.output.keys("") if "/attempts/" in key]
    assert [json.loads(each)["attempts"] for each in attempts] == [0]


def test_voices_of_another_model_are_refused(plan, voices, local_batch, monkeypatch):
    diarizer = SimpleNamespace(embedding_model=OTHER_MODEL)
    monkeypatch.setattr(session, "_load", lambda *_: SimpleNamespace(diarizer=diarizer))
    with pytest.raises(VoiceError, match="of another embedding model"), ExitStack() as stack:
        session.open_session(plan, SilentConsole(), stack)


def test_what_travels_has_no_embedding(plan, voices):
    sent = pickle.dumps(plan)
    assert b"voices.json" in sent
    assert len(sent) < 4_000
    for coordinate in VoiceFile.load(voices).content.voices[0].embeddings[0]:
        assert struct.pack(">d", coordinate) not in sent, "as pickle writes a float"
        assert str(coordinate).encode() not in sent
