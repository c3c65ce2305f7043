"""In a stereo recording of a call, each side has a channel of its own."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from diarize_runner.diarization.audio import SAMPLE_RATE, SeparateChannels
from diarize_runner.diarization.turns import SPEECH, Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.digests import hash_bytes
from diarize_runner.jobs.per_channel import PerChannelTask
from diarize_runner.progress import NoProgress

ONE = PerChannelTask(hints=SpeakerHints(exactly=1))
FOUND = PerChannelTask()


def turn(start, end, speaker):
    return SpeakerTurn(start=start, end=end, speaker=speaker)


def diarization(*turns):
    return Diarization(uri="call", turns=tuple(sorted(turns)), exclusive_turns=())


@dataclass
class LoudSpeakers:
    """Hears speech where samples are not zero; `SPEAKER_00` has positive samples and `SPEAKER_01` negative ones."""

    hints: list = field(default_factory=list)

    def detect_speech(self, recording, progress):
        progress.advance("segmentation", completed=1, total=1)
        return diarization(*_where(recording.waveform != 0, SPEECH))

    def diarize(self, recording, hints, progress):
        self.hints.append(hints)
        progress.advance("segmentation", completed=2, total=4)
        positive, negative = recording.waveform > 0, recording.waveform < 0
        return diarization(*_where(positive, "SPEAKER_00"), *_where(negative, "SPEAKER_01"))


def _where(heard, speaker):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], heard.astype(int), [0]]))) / SAMPLE_RATE
    return [turn(float(start), float(end), speaker) for start, end in edges.reshape(-1, 2)]


def call(*channels, seconds=20):
    """Return a recording of channels, each given as turns of start, end and sample."""
    waveforms = np.zeros((seconds * SAMPLE_RATE, len(channels)), np.float32)
    for number, spoken in enumerate(channels):
        for start, end, sample in spoken:
            waveforms[start * SAMPLE_RATE : end * SAMPLE_RATE, number] = sample
    return SeparateChannels(
        uri="call", waveform=waveforms.mean(axis=1), digest=hash_bytes(b"").digest, waveforms=waveforms
    )


def run(task, *channels, progress=None):
    return task.run(LoudSpeakers(), call(*channels), progress or NoProgress())


def test_each_channel_has_one_speaker():
    found = run(ONE, [(0, 5, 1), (9, 12, -1)], [(5, 9, 1)])
    assert found.turns == (turn(0, 5, "CHANNEL_1"), turn(5, 9, "CHANNEL_2"), turn(9, 12, "CHANNEL_1"))
    assert found.exclusive_turns == found.turns
    assert found.speakers == ("CHANNEL_1", "CHANNEL_2")


def test_speech_in_both_channels_overlaps_and_the_later_speaker_has_the_exclusive_turn():
    found = run(ONE, [(0, 5, 1)], [(4, 9, 1)])
    assert found.turns == (turn(0, 5, "CHANNEL_1"), turn(4, 9, "CHANNEL_2"))
    assert found.exclusive_turns == (turn(0, 4, "CHANNEL_1"), turn(4, 9, "CHANNEL_2"))


def test_speakers_are_told_apart_within_a_channel_on_request():
    found = run(FOUND, [(0, 5, 1), (5, 8, -1)], [(8, 12, 1)])
    assert found.turns == (
        turn(0, 5, "CHANNEL_1_SPEAKER_00"),
        turn(5, 8, "CHANNEL_1_SPEAKER_01"),
        turn(8, 12, "CHANNEL_2_SPEAKER_00"),
    )


def test_the_number_of_speakers_is_a_hint_for_each_channel():
    diarizer, hints = LoudSpeakers(), SpeakerHints(exactly=2)
    found = PerChannelTask(hints=hints).run(diarizer, call([(0, 5, 1), (5, 8, -1)], [(8, 12, 1)]), NoProgress())
    assert diarizer.hints == [hints, hints]
    assert PerChannelTask(hints=hints).unmet_hints(found) == "CHANNEL_2: 1 found, 2 requested"


def test_a_recording_of_one_channel_has_one_speaker():
    recording = call([(0, 5, 1)])
    assert [channel.waveform.shape for channel in recording.channels] == [(20 * SAMPLE_RATE,)]
    assert run(ONE, [(0, 5, 1)]).speakers == ("CHANNEL_1",)


def test_progress_covers_all_channels():
    @dataclass
    class Recorder(NoProgress):
        seen: list = field(default_factory=list)

        def advance(self, stage, *, completed, total, overall=None):
            self.seen.append((stage, completed, total))

    progress = Recorder()
    run(FOUND, [(0, 5, 1)], [(5, 9, 1)], progress=progress)
    assert progress.seen == [("segmentation", 2, 8), ("segmentation", 6, 8)]


def test_copies_of_one_channel_give_a_warning():
    both = [(0, 8, 1)]
    assert ONE.warnings(run(ONE, both, both), 20.0) == (
        "100% of the speech is in several channels at once: they may carry the same voices",
    )


@pytest.mark.parametrize("task", [ONE, FOUND])
def test_a_conversation_gives_no_warning(task):
    assert task.warnings(run(task, [(0, 5, 1), (9, 12, 1)], [(5, 10, 1)]), 20.0) == ()


def test_a_short_recording_gives_a_warning_where_voices_are_told_apart():
    found = run(FOUND, [(0, 5, 1)], [(5, 8, 1)])
    assert FOUND.warnings(found, 8.0) == ("the recording lasts 8.0 s: below 10 s, speakers are often missed",)
    assert ONE.warnings(found, 8.0) == ()
