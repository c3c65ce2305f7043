"""The options of a transcription: languages by any name, and combinations that are not possible."""

import pytest

from diarize_runner.errors import UsageError
from diarize_runner.transcription.languages import LANGUAGES, parse_language
from diarize_runner.transcription.options import TranscriptionOptions


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "de"),
        ("German", "de"),
        ("GERMAN", "de"),
        ("de-AT", "de"),
        ("pt_BR", "pt"),
        ("Castilian", "es"),
        ("haitian creole", "ht"),
        ("haw", "haw"),
        ("yue", "yue"),
        ("iw", "he"),
        ("auto", None),
    ],
)
def test_a_language_is_known_by_name_code_alias_and_tag(text, code):
    assert parse_language(text) == code
    assert TranscriptionOptions(language=text).language == code


def test_every_language_has_a_code_and_a_name():
    assert len(LANGUAGES) == 100
    assert all(parse_language(name) == code for code, name in LANGUAGES.items())


@pytest.mark.parametrize(("text", "hint"), [("Germn", "did you mean german?"), ("qqq", "use a name such as German")])
def test_an_unknown_language_is_bad_usage(text, hint):
    with pytest.raises(UsageError, match="knows no language") as raised:
        parse_language(text)
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cpu", "compute_type": "float16"}, "float16 needs a GPU"),
        ({"batch_size": 0}, "a batch of 0 is not possible"),
        ({"batch_size": 5000}, "a batch of 5000 is not possible"),
    ],
)
def test_impossible_options_are_bad_usage(options, message):
    with pytest.raises(UsageError, match=message) as raised:
        TranscriptionOptions(**options).require_possible()
    assert raised.value.hint
