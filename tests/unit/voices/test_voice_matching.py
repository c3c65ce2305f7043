"""Names of speakers by their voices."""

from dataclasses import replace

import numpy as np
import pytest

from diarize_runner.voices.document import Voice
from diarize_runner.voices.matching import DEFAULT_THRESHOLD, name_speakers


def voice(name, *embedding):
    unit = np.array(embedding) / np.linalg.norm(embedding)
    return Voice(name=name, enrolled="2026-11-30T12:00:00+00:00", seconds=30.0, embeddings=(tuple(map(float, unit)),))


def unit(*embedding):
    return np.array(embedding, dtype=np.float32) / np.linalg.norm(embedding)


ADA, BO = voice("Ada", 1, 0, 0), voice("Bo", 0, 1, 0)


def test_each_speaker_has_the_name_of_the_most_similar_voice():
    speakers = {"SPEAKER_00": unit(0.1, 1, 0), "SPEAKER_01": unit(1, 0.2, 0)}
    assert name_speakers(speakers, [ADA, BO], 0.5) == {"SPEAKER_00": "Bo", "SPEAKER_01": "Ada"}


def test_a_voice_that_is_not_enrolled_stays_unknown():
    assert name_speakers({"SPEAKER_00": unit(0.3, 0.3, 1), "SPEAKER_01": unit(1, 0, 0)}, [ADA, BO], 0.5) == {
        "SPEAKER_01": "Ada"
    }


def test_two_speakers_never_share_a_name():
    speakers = {"SPEAKER_00": unit(1, 0, 0.2), "SPEAKER_01": unit(1, 0, 0.1)}
    assert name_speakers(speakers, [ADA, BO], 0.5) == {"SPEAKER_01": "Ada"}


def test_two_voices_never_name_one_speaker():
    assert name_speakers({"SPEAKER_00": unit(1, 0.9, 0)}, [ADA, BO], 0.5) == {"SPEAKER_00": "Ada"}


def test_a_pair_below_the_threshold_displaces_no_pair_above_it():
    """The sum of all cosines would be greater with the pairs crossed: 0.49 + 0.86 against 0.86 + 0.02."""
    speakers = {"SPEAKER_00": unit(0.86, 0.49, 0.1), "SPEAKER_01": unit(0.85, 0.02, 0.52)}
    assert name_speakers(speakers, [ADA, BO], 0.5) == {"SPEAKER_00": "Ada"}


def test_a_cosine_at_the_threshold_suffices_and_one_below_does_not():
    speakers = {"SPEAKER_00": np.array([0.5, 0, 0.75**0.5], dtype=np.float32)}
    assert name_speakers(speakers, [ADA], 0.5) == {"SPEAKER_00": "Ada"}
    assert name_speakers(speakers, [ADA], 0.501) == {}


@pytest.mark.parametrize(("speakers", "voices"), [({}, [ADA]), ({"SPEAKER_00": unit(1, 0, 0)}, [])])
def test_nobody_has_a_name_where_there_is_no_speaker_or_no_voice(speakers, voices):
    assert name_speakers(speakers, voices, DEFAULT_THRESHOLD) == {}


def test_each_name_is_given_once_in_any_crowd():
    random = np.random.default_rng(0)
    for _ in range(200):
        crowd = random.standard_normal((2, random.integers(1, 7), 4))
        voices = [voice(f"voice {number}", *each) for number, each in enumerate(crowd[0])]
        speakers = {f"SPEAKER_{number:02d}": unit(*each) for number, each in enumerate(crowd[1])}
        names = name_speakers(speakers, voices, 0.3)
        assert len(set(names.values())) == len(names)
        found = {each.name: each.embeddings[0] for each in voices}
        assert all(float(speakers[label] @ np.array(found[name])) >= 0.3 for label, name in names.items())


def test_the_most_similar_embedding_of_a_voice_counts():
    ada = replace(ADA, embeddings=(*ADA.embeddings, (0.0, 0.0, 1.0)))
    assert name_speakers({"SPEAKER_00": unit(0.1, 0, 1)}, [BO, ada], 0.6) == {"SPEAKER_00": "Ada"}
    assert name_speakers({"SPEAKER_00": unit(0.1, 0, 1)}, [BO, ADA], 0.6) == {}
