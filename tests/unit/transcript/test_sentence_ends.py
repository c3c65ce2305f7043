"""Where a sentence ends."""

import pytest

from diarize_runner.transcript.sentences import ends_sentence

ENDS = [
    ("home.", "Then"),
    ("home?", "Then"),
    ("home!", "Then"),
    ("home...", "Then"),
    ("home…", "Then"),
    ('home."', "Then"),
    ("No.", "Then"),
    ("2014.", "Then"),
    ("I.", "Then"),
    ("etc.", "Then"),
    ("p.m.", "Then"),
    ("hello.", "how"),
    ("です。", "そこで"),
    ("吗？", "我"),  # noqa: RUF001
    ("है।", "वह"),
    ("حالك؟", "أنا"),
]
GOES_ON = [
    ("Dr.", "Smith"),
    ("(Mrs.", "Smith"),
    ("St.", "Mary"),
    ("B.", "Lee"),
    ("e.g.", "London"),
    ("z.B.", "Berlin"),
    ("3.14", "Then"),
    ("p.m.", "and"),
    ("well...", "you"),
    ("well…", "you"),
    ('"Stop!"', "he"),
    ("home,", "Then"),
    ("home", "Then"),
    ("example.org", "Then"),
]


@pytest.mark.parametrize(("piece", "following"), ENDS)
def test_a_sentence_ends_after(piece, following):
    assert ends_sentence(f" {piece}", f" {following}")


@pytest.mark.parametrize(("piece", "following"), GOES_ON)
def test_a_sentence_goes_on_after(piece, following):
    assert not ends_sentence(f" {piece}", f" {following}")
