"""A file of voices that is read again for each recording."""

from types import SimpleNamespace

import pytest
from support.voices import MODEL, embedding_of

from diarize_runner.errors import UsageError
from diarize_runner.jobs.current_voices import CurrentVoices
from diarize_runner.voices.document import Voice
from diarize_runner.voices.file import add_voice


def test_a_file_that_cannot_be_read_is_an_error_before_models_load(tmp_path):
    loads = []
    with pytest.raises(UsageError):
        CurrentVoices(path=tmp_path / "none.json").session(lambda: loads.append("loaded"))
    assert loads == []


def test_each_session_has_the_voices_that_the_file_has_then(tmp_path):
    voices = CurrentVoices(path=tmp_path / "voices.json", threshold=0.7)
    loaded = SimpleNamespace(diarizer=SimpleNamespace(embedding_model=MODEL))
    found = []
    for name in ("ada", "bo"):
        embedding = tuple(map(float, embedding_of(name)))
        voice = Voice(name=name, enrolled="2026-11-30T12:00:00+00:00", seconds=9.0, embeddings=(embedding,))
        add_voice(voices.path, voice, MODEL)
        (known,) = voices.session(lambda: loaded).namers
        found.append(([each.name for each in known.file.content.voices], known.threshold))
    assert found == [(["ada"], 0.7), (["ada", "bo"], 0.7)]
