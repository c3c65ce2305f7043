"""Names that a voice may have."""

import pytest

from diarize_runner.voices.names import name_key, parse_voice_name


@pytest.mark.parametrize(
    "name", ["Ada", "Ada Li", "Ada (sales)", "O'Neil", "Zoë", "李", "Ada=1", "Speaker of the house"]
)
def test_a_name_is_kept_as_it_is(name):
    assert parse_voice_name(name) == name


def test_a_name_is_composed():
    assert parse_voice_name("Zoe\u0308") == "Zoë"


@pytest.mark.parametrize(
    "label",
    ["SPEAKER_00", "speaker_7", "SPEAKER 00", "CHANNEL_1", "CHANNEL_1_SPEAKER_00", "SPEECH", "unknown"],
)
def test_a_label_is_no_name(label):
    with pytest.raises(ValueError, match="label"):
        parse_voice_name(label)


@pytest.mark.parametrize(
    "name", ["", " ", " Ada", "A\nda", "A\x1b[1mda", "A\u202eda", "caf\udce9", "\u200b", "---", "<NA>"]
)
def test_what_cannot_be_read_is_no_name(name):
    with pytest.raises(ValueError, match=r"name|label"):
        parse_voice_name(name)


def test_a_name_has_as_many_characters_as_rttm_allows():
    assert parse_voice_name("a" * 255)
    with pytest.raises(ValueError, match="256 characters, of 255 at most"):
        parse_voice_name("a" * 256)


def test_names_that_rttm_cannot_tell_apart_are_one():
    assert name_key("Ada Li") == name_key("ada_li") != name_key("Ada L")
