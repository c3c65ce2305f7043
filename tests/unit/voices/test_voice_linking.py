"""Common labels for the voices of several recordings."""

import numpy as np
import pytest

from diarize_runner.diarization.voices import SpeakerVoice
from diarize_runner.voices.linking import HeardVoices

SPEAKERS = tuple(f"SPEAKER_{number:02d}" for number in range(10))


def voice(*embedding, seconds=10.0):
    unit = np.array(embedding, dtype=np.float32) / np.linalg.norm(embedding)
    return SpeakerVoice(embedding=unit, seconds=seconds)


ADA, BO, CY = voice(1, 0, 0), voice(0, 1, 0), voice(0, 0, 1)


def link(*recordings, threshold=0.5):
    """Return the labels of each recording's speakers, in order; who says little has None for a voice."""
    heard, labels = HeardVoices(), []
    for recording in recordings:
        speakers = SPEAKERS[: len(recording)]
        voices = {speaker: each for speaker, each in zip(speakers, recording, strict=True) if each}
        given = heard.label(speakers, voices, threshold)
        heard = heard.add(given, voices)
        labels.append([given[speaker] for speaker in speakers])
    return labels


def test_the_labels_of_the_first_recording_do_not_change():
    assert link([BO, ADA, None]) == [["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]]


def test_the_same_voice_has_the_same_label_and_another_voice_a_new_one():
    assert link([ADA, BO], [BO, CY], [CY, ADA]) == [
        ["SPEAKER_00", "SPEAKER_01"],
        ["SPEAKER_01", "SPEAKER_02"],
        ["SPEAKER_02", "SPEAKER_00"],
    ]


def test_two_speakers_of_one_recording_never_share_a_label():
    alike = voice(1, 0.1, 0)
    assert link([ADA], [ADA, alike], [ADA, alike, ADA]) == [
        ["SPEAKER_00"],
        ["SPEAKER_00", "SPEAKER_01"],
        ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"],
    ]


def test_two_alike_voices_of_one_recording_stay_apart_in_the_next():
    first, second = voice(1, 0.3, 0), voice(1, 0, 0.3)
    assert link([first, second], [second, first]) == [["SPEAKER_00", "SPEAKER_01"], ["SPEAKER_01", "SPEAKER_00"]]


def test_a_speaker_whose_voice_is_not_known_is_nobody_of_another_recording():
    assert link([None], [None], [ADA], [ADA]) == [["SPEAKER_00"], ["SPEAKER_01"], ["SPEAKER_02"], ["SPEAKER_02"]]


def test_a_voice_that_two_others_resemble_is_the_more_similar_one():
    assert link([ADA, BO], [voice(0.8, 0.9, 0)]) == [["SPEAKER_00", "SPEAKER_01"], ["SPEAKER_01"]]


def test_a_pair_below_the_threshold_displaces_no_pair_above_it():
    """The sum of all cosines would be greater with the pairs crossed: 0.49 + 0.85 against 0.86 + 0.02."""
    speakers = [voice(0.86, 0.49, 0.1), voice(0.85, 0.02, 0.52)]
    assert link([ADA, BO], speakers) == [["SPEAKER_00", "SPEAKER_01"], ["SPEAKER_00", "SPEAKER_02"]]


@pytest.mark.parametrize(("threshold", "label"), [(0.5, "SPEAKER_00"), (0.501, "SPEAKER_01")])
def test_a_cosine_at_the_threshold_links_and_one_below_does_not(threshold, label):
    half = SpeakerVoice(embedding=np.array([0.5, 0, 0.75**0.5], dtype=np.float32), seconds=10.0)
    assert link([ADA], [half], threshold=threshold)[1] == [label]


@pytest.mark.parametrize(("seconds", "label"), [(90.0, "SPEAKER_00"), (10.0, "SPEAKER_01")])
def test_a_voice_is_the_average_of_its_recordings_by_seconds_of_speech(seconds, label):
    """The third speaker resembles the first recording of the voice, and not the second."""
    first, second, third = voice(1, 0, 0, seconds=seconds), voice(0.6, 0.8, 0, seconds=30.0), voice(0.7, 0, 0.71)
    assert link([first], [second], [third], threshold=0.55) == [["SPEAKER_00"], ["SPEAKER_00"], [label]]


def test_names_that_others_have_are_not_free():
    labels = HeardVoices().label(["SPEAKER_00", "SPEAKER_02"], {}, 0.5, taken={"SPEAKER_00", "Ada"})
    assert labels == {"SPEAKER_00": "SPEAKER_01", "SPEAKER_02": "SPEAKER_02"}


def test_a_label_that_a_known_speaker_left_is_given_to_one_voice_only():
    """Without `--link`, the first recording has SPEAKER_01 and no SPEAKER_00, who is known by name."""
    heard = HeardVoices()
    first = heard.label(["SPEAKER_01"], {"SPEAKER_01": ADA}, 0.5, taken={"Bo"})
    heard = heard.add(first, {"SPEAKER_01": ADA})
    second = heard.label(["SPEAKER_00", "SPEAKER_01"], {"SPEAKER_00": CY, "SPEAKER_01": BO}, 0.5)
    assert (first, second) == ({"SPEAKER_01": "SPEAKER_01"}, {"SPEAKER_00": "SPEAKER_00", "SPEAKER_01": "SPEAKER_02"})


def test_what_was_heard_before_a_recording_does_not_change():
    heard = HeardVoices().add({"SPEAKER_00": "SPEAKER_00"}, {"SPEAKER_00": ADA})
    heard.add({"SPEAKER_00": "SPEAKER_00"}, {"SPEAKER_00": BO})
    assert heard.label(["SPEAKER_00"], {"SPEAKER_00": BO}, 0.5) == {"SPEAKER_00": "SPEAKER_01"}


def crowds(random):
    """Return recordings of people whose voices differ a little from recording to recording."""
    people = np.eye(6)
    for _ in range(8):
        present = random.choice(6, size=random.integers(1, 6), replace=False)
        yield present, [voice(*(people[person] + random.normal(0, 0.1, 6))) for person in present]


@pytest.mark.parametrize("seed", range(20))
def test_in_any_order_labels_are_people(seed):
    """The first draw decides which recordings there are, and the second one their order."""
    recordings = list(crowds(np.random.default_rng(3)))
    order = np.random.default_rng(seed).permutation(len(recordings))
    labels = link(*[recordings[number][1] for number in order])
    pairs = {
        (person, label)
        for number, given in zip(order, labels, strict=True)
        for person, label in zip(recordings[number][0].tolist(), given, strict=True)
    }
    people = {person for person, _ in pairs}
    assert len(pairs) == len(people) == len({label for _, label in pairs})
    assert all(len(set(given)) == len(given) for given in labels)


def test_equal_recordings_in_equal_order_have_equal_labels():
    recordings = [voices for _, voices in crowds(np.random.default_rng(5))]
    assert link(*recordings) == link(*recordings)


def test_no_text_of_the_heard_voices_has_an_embedding():
    heard = HeardVoices().add({"SPEAKER_00": "SPEAKER_00"}, {"SPEAKER_00": voice(0.6, 0.8, 0)})
    assert "array" not in repr(heard)
    assert "8" not in repr(heard)
