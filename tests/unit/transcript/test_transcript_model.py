import pytest

from diarize_runner.transcript.model import Segment, Word


@pytest.mark.parametrize(("start", "end"), [(2.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0), (0.0, float("nan"))])
def test_a_segment_with_invalid_times_is_refused(start, end):
    with pytest.raises(ValueError, match=f"a span cannot run from {start} s to {end} s"):
        Segment(start=start, end=end, text="Hello")


def test_a_word_may_have_zero_length():
    assert Word(start=1.0, end=1.0, text="Hello").end == 1.0
