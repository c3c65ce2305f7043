"""CTM, STM and RTTM keep to the field grammar that NIST published, whatever the names and texts.

CTM and STM: https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm, which sclite reads. RTTM: the RT-09
evaluation plan, appendix A, which md-eval reads. meeteval refuses a CTM line with more than six fields.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import ctm, rttm, stm
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

TIME = r"\d+\.\d{3}"
CTM_LINE = re.compile(rf"(\S+) (\S+) ({TIME}) {TIME} \S+")
STM_LINE = re.compile(rf"(\S+) (\S+) \S+ ({TIME}) {TIME} <[^\s<>]+> \S.*")
RTTM_LINE = re.compile(rf"SPEAKER (\S+) (\d+) ({TIME}) {TIME} <NA> <NA> \S+ <NA> <NA>")

names = st.text(max_size=12)
times = st.floats(0, 90_000, allow_nan=False)
spans = st.tuples(times, times).map(sorted)


@st.composite
def transcripts(draw):
    turns = tuple(SpeakerTurn(start=a, end=b, speaker=draw(names)) for a, b in draw(st.lists(spans, max_size=4)))
    segments = []
    for start, end in draw(st.lists(spans, max_size=4)):
        words = tuple(
            LabelledWord(start=a, end=b, text=draw(names), speaker=None) for a, b in draw(st.lists(spans, max_size=3))
        )
        speaker = draw(st.none() | names)
        segments.append(LabelledSegment(start=start, end=end, text=draw(names), speaker=speaker, words=words))
    diarization = Diarization(uri=draw(names), turns=tuple(sorted(turns)), exclusive_turns=turns)
    return LabelledTranscript(uri=diarization.uri, segments=tuple(segments), diarization=diarization)


@pytest.mark.parametrize(
    ("render", "line"),
    [
        (ctm.render, CTM_LINE),
        (stm.render, STM_LINE),
        (lambda transcript: rttm.render(transcript.diarization), RTTM_LINE),
    ],
    ids=["CTM", "STM", "RTTM"],
)
@given(transcripts())
def test_every_line_has_the_published_fields_in_the_published_order(render, line, transcript):
    matches = [line.fullmatch(written) for written in render(transcript).split("\n")[:-1]]
    assert all(matches)
    assert not any(match.group(0).startswith(";;") for match in matches)
    keys = [(match.group(1), match.group(2), float(match.group(3))) for match in matches]
    assert keys == sorted(keys)


@given(transcripts())
def test_a_line_of_ctm_splits_into_as_many_fields_as_meeteval_reads(transcript):
    assert {len(line.split()) for line in ctm.render(transcript).splitlines()} <= {5}
