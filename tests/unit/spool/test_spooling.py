"""What happens to what is dropped: labelled or failed, whole, and never lost."""

import os
import time
from functools import partial
from pathlib import Path

import pytest
from support.kills import killed_before_step
from support.labellers import FakeLabeller, Impatient, label_all

from diarize_runner.errors import DeviceUnavailable, DiskError, SpoolError
from diarize_runner.spool.inbox import LONELY_SECONDS
from diarize_runner.spool.run import ATTEMPTS, Spool, run


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path


def drop(folder, **files):
    for name, content in files.items():
        (folder / "inbox" / name.replace("_", ".")).write_bytes(content)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def errors(outcomes):
    return [outcome.error and outcome.error.message for outcome in outcomes]


def test_a_recording_and_its_transcript_become_a_folder_in_the_outbox(folder):
    drop(folder, call_wav=b"sound", call_json=b"words")
    (outcome,) = label_all(folder)
    assert outcome.place == folder / "outbox/call"
    assert contents(folder) == {
        "outbox/call/call.wav": b"sound",
        "outbox/call/call.json": b"words",
        "outbox/call/call.labelled.json": b"sound",
        "outbox/call/call.labelled.srt": b"words",
    }


@pytest.mark.parametrize("transcript", ["call.json", "call.srt", "call.VTT", "call.stm"])
def test_a_transcript_is_told_by_its_name(folder, transcript):
    drop(folder, **{"call.wav": b"sound", transcript: b"words"})
    assert errors(label_all(folder)) == [None]
    assert contents(folder)["outbox/call/call.labelled.srt"] == b"words"


class Unreadable(FakeLabeller):
    """Meets a disk that cannot read what is called bad."""

    def label(self, recording, transcript):
        if recording.read_bytes() == b"bad":
            raise DiskError(f"{recording.name}: Input/output error")
        return super().label(recording, transcript)


def test_a_recording_that_the_disk_cannot_read_again_fails_alone(folder):
    drop(folder, one_wav=b"bad", two_wav=b"sound")
    outcomes = list(run(Spool(folder=folder), Unreadable, settle=0, clock=Impatient()))
    assert errors(outcomes) == ["one.wav: Input/output error", None]
    assert contents(folder)["failed/one/one.error.txt"] == b"error: one.wav: Input/output error\n"


def test_a_recording_that_cannot_be_labelled_has_the_error_beside_it_and_the_next_goes_on(folder):
    drop(folder, one_wav=b"bad", two_wav=b"sound")
    assert errors(label_all(folder)) == ["cannot decode one.wav", None]
    found = contents(folder)
    assert found["failed/one/one.wav"] == b"bad"
    assert found["failed/one/one.error.txt"] == b"error: cannot decode one.wav\nhint: record it again\n"
    assert "outbox/two/two.wav" in found


class TestWhatIsStillBeingCopied:
    @pytest.fixture
    def clock(self):
        return Impatient()

    def test_is_waited_for_until_it_has_not_changed_for_a_while(self, folder, clock):
        drop(folder, call_wav=b"sou")
        copying = iter([b"soun", b"sound", b"sound!"])

        class Copying(Impatient):
            def sleep(self, seconds):
                super().sleep(seconds)
                if more := next(copying, None):
                    drop(folder, call_wav=more)

        list(run(Spool(folder=folder), FakeLabeller, settle=1.5, clock=Copying()))
        assert contents(folder)["outbox/call/call.labelled.json"] == b"sound!"

    def test_is_told_by_when_it_changed_not_by_the_time_of_the_original(self, folder, clock):
        drop(folder, call_wav=b"sound")
        os.utime(folder / "inbox/call.wav", (0, 0))  # as cp -p and scp -p do
        assert len(list(run(Spool(folder=folder), FakeLabeller, settle=30, clock=clock))) == 1
        assert clock.later >= 29

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_is_waited_for_as_long_when_the_clock_is_set(self, hours, folder):
        """Set back, it waited for the hour; set forward, it was taken half copied."""

        class Set(Impatient):
            def time(self):
                return time.time() + hours * 3600 + self.later

        drop(folder, call_wav=b"sound")
        clock = Set()
        assert len(list(run(Spool(folder=folder), FakeLabeller, settle=5, clock=clock))) == 1
        assert 5 <= clock.later <= 6

    def test_is_watched_file_by_file(self, folder):
        """What is there already does not wait for what still comes, nor that for the time the other takes."""
        drop(folder, one_wav=b"sound")

        class Slow(FakeLabeller):
            def label(self, recording, transcript):
                clock.later += 100
                if recording.name == "one.wav":
                    drop(folder, two_wav=b"more")
                return super().label(recording, transcript)

        clock = Impatient()
        assert len(list(run(Spool(folder=folder), Slow, settle=5, clock=clock))) == 2
        assert 210 <= clock.later <= 212

    def test_under_a_name_with_a_dot_is_left_alone(self, folder):
        (folder / "inbox/.call.wav.Xy12Zz").write_bytes(b"sou")
        assert label_all(folder) == []
        assert contents(folder) == {"inbox/.call.wav.Xy12Zz": b"sou"}

    def test_a_transcript_waits_for_its_recording(self, folder):
        drop(folder, call_json=b"words")

        class Late(Impatient):
            def sleep(self, seconds):
                super().sleep(seconds)
                if self.later == 300:
                    drop(folder, call_wav=b"sound")

        list(run(Spool(folder=folder), FakeLabeller, settle=0, clock=Late()))
        assert contents(folder)["outbox/call/call.labelled.srt"] == b"words"

    def test_but_not_for_ever(self, folder, clock):
        drop(folder, call_stm=b"words")
        assert errors(run(Spool(folder=folder), FakeLabeller, settle=0, clock=clock)) == [
            "no recording came for call.stm"
        ]
        assert LONELY_SECONDS - 2 <= clock.later <= LONELY_SECONDS + 2
        assert contents(folder)["failed/call/call.stm"] == b"words"


@pytest.mark.parametrize(
    ("dropped", "error"),
    [
        (["call.mp3", "call.wav"], "call.mp3 and call.wav cannot both be call"),
        (["call.json", "call.stm", "call.wav"], "call.json and call.stm cannot both be call"),
        (["call.srt", "call.vtt", "call.wav"], "call.srt and call.vtt cannot both be call"),
    ],
)
def test_files_that_cannot_be_told_apart_fail_together(folder, dropped, error):
    drop(folder, **dict.fromkeys(dropped, b"x"))
    assert errors(label_all(folder)) == [error]
    assert {path.name for path in (folder / "failed/call").iterdir()} == {*dropped, "call.error.txt"}


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo])
def test_what_is_no_file_is_never_opened(folder, make):
    make(folder / "inbox/call.wav")
    assert errors(label_all(folder)) == ["call.wav is not a plain file"]
    assert os.path.lexists(folder / "failed/call/call.wav")


def test_a_folder_stays_where_it_is_and_is_waited_out(folder):
    (folder / "inbox/calls").mkdir()
    drop(folder, call_wav=b"sound")

    class TakesTheFolderAway(Impatient):
        def sleep(self, seconds):
            (folder / "inbox/calls").rmdir()

    (outcome,) = run(Spool(folder=folder), FakeLabeller, settle=0, clock=TakesTheFolderAway())
    assert outcome.place.name == "call"


def test_a_name_that_was_used_before_gets_a_number(folder):
    for content in (b"one", b"two", b"three"):
        drop(folder, call_wav=content)
        label_all(folder)
    found = contents(folder)
    assert [found[f"outbox/{name}/call.wav"] for name in ("call", "call-2", "call-3")] == [b"one", b"two", b"three"]


@pytest.mark.parametrize("stem", [b"x" * 251, b"caf\xe9", b"-rf", b"a b\nc", b"error", b"call.labelled"])
def test_any_name_that_a_disk_takes_will_do(folder, stem):
    Path(os.fsdecode(os.fsencode(folder / "inbox") + b"/" + stem + b".wav")).write_bytes(b"sound")
    Path(os.fsdecode(os.fsencode(folder / "inbox") + b"/" + stem + b".stm")).write_bytes(b"words")
    assert errors(label_all(folder)) == [None]
    (place,) = (folder / "outbox").iterdir()
    assert len(list(place.iterdir())) == 4


def in_flight(folder):
    """Every file that is neither results nor the spool's own notes, by where it is."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted((path.name, path.read_bytes()) for path in files if ".labelled." not in path.name)


def test_a_run_that_is_killed_anywhere_loses_nothing_and_the_next_finishes(tmp_path):
    """Killed before each of its changes of the disk, in turn."""
    given = [("call.json", b"words"), ("call.wav", b"sound"), ("other.wav", b"more")]
    for step in range(1, 100):
        folder = tmp_path / str(step)
        (folder / "inbox").mkdir(parents=True)
        drop(folder, call_wav=b"sound", call_json=b"words", other_wav=b"more")
        if not killed_before_step(step, partial(label_all, folder)):
            assert step > 15, "the negative control: there were places to be killed at"
            return
        assert in_flight(folder) == given
        for delivered in (folder / "outbox").glob("*/"):
            assert (delivered / f"{delivered.name}.labelled.json").exists(), "nothing is in the outbox half done"
        label_all(folder)
        assert in_flight(folder) == given
        assert {path.name for path in (folder / "outbox").iterdir()} == {"call", "other"}
        assert contents(folder)["outbox/call/call.labelled.srt"] == b"words", "what belongs together stays so"
        assert list((folder / "claimed").iterdir()) == list((folder / "inbox").iterdir()) == []
    pytest.fail("it never came to its end")


def test_a_recording_that_kills_every_run_is_given_up_in_the_end(folder):
    drop(folder, bomb_wav=b"deadly")
    for _ in range(ATTEMPTS):
        assert killed_before_step(10_000, partial(label_all, folder))
        assert "claimed/bomb/bomb.wav" in contents(folder)
    assert errors(label_all(folder)) == ["3 runs did not survive it"]
    assert contents(folder)["failed/bomb/bomb.wav"] == b"deadly"


class Raises:
    def __init__(self, reason):
        self._reason = reason

    def label(self, recording, transcript):
        raise self._reason


def interrupt(folder, reason):
    with pytest.raises(type(reason)):
        list(run(Spool(folder=folder), lambda: Raises(reason), settle=0, clock=Impatient()))


def test_a_recording_that_no_run_expects_is_given_up_too(folder):
    drop(folder, call_wav=b"sound")
    for _ in range(ATTEMPTS):
        interrupt(folder, MemoryError())
    assert errors(label_all(folder)) == ["3 runs did not survive it"]


def test_a_run_that_is_stopped_does_not_count_against_the_recording(folder):
    drop(folder, call_wav=b"sound")
    for _ in range(ATTEMPTS + 1):
        interrupt(folder, KeyboardInterrupt())
    assert errors(label_all(folder)) == [None]


def test_what_is_wrong_with_the_box_is_held_against_no_recording(folder):
    def no_gpu():
        raise DeviceUnavailable("torch finds no CUDA device")

    drop(folder, call_wav=b"sound")
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(DeviceUnavailable):
            list(run(Spool(folder=folder), no_gpu, settle=0, clock=Impatient()))
    assert errors(label_all(folder)) == [None]


def test_two_runs_do_not_share_a_spool(folder):
    drop(folder, call_wav=b"sound")
    first = run(Spool(folder=folder), FakeLabeller, settle=0, clock=Impatient())
    next(first)
    with pytest.raises(SpoolError, match="another run is at work"):
        label_all(folder)
    assert list(first) == []
    assert label_all(folder) == []


@pytest.mark.parametrize(
    "reason",
    [ValueError("no number"), OverflowError("too large"), IndexError("list"), KeyError("end"), RecursionError("deep")],
    ids=lambda reason: type(reason).__name__,
)
def test_what_our_own_code_does_not_expect_is_one_failure_and_not_three_runs(folder, reason):
    drop(folder, call_wav=b"sound", call_json=b"words")
    (outcome,) = run(Spool(folder=folder), lambda: Raises(reason), settle=0, clock=Impatient())
    assert outcome.error.message.startswith(f"call.wav cannot be labelled: {type(reason).__name__} in test_spooling.py")
    found = contents(folder)
    assert (found["failed/call/call.wav"], found["failed/call/call.json"]) == (b"sound", b"words")
    assert b"hint: this is a defect of diarize-runner" in found["failed/call/call.error.txt"]


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_a_transcript_is_found_however_its_accents_are_written(folder):
    drop(folder, **{f"{DECOMPOSED}.wav": b"sound", f"{COMPOSED}.json": b"words"})
    assert errors(label_all(folder)) == [None]
    found = contents(folder)
    assert found[f"outbox/{COMPOSED}/{COMPOSED}.labelled.srt"] == b"words"
    assert found[f"outbox/{COMPOSED}/{DECOMPOSED}.wav"] == b"sound"


def test_recordings_that_differ_in_how_accents_are_written_are_not_mixed_up(folder):
    drop(folder, **{f"{DECOMPOSED}.wav": b"one", f"{COMPOSED}.wav": b"two"})
    (outcome,) = label_all(folder)
    assert "cannot both be" in outcome.error.message
    assert sorted(path.read_bytes() for path in outcome.place.glob("*.wav")) == [b"one", b"two"]


def test_recordings_that_differ_in_case_are_two(folder):
    drop(folder, **{"Call.wav": b"one", "call.wav": b"two", "call.json": b"words"})
    assert errors(label_all(folder)) == [None, None]
    found = contents(folder)
    assert (found["outbox/Call/Call.labelled.json"], found["outbox/call/call.labelled.json"]) == (b"one", b"two")
    assert (found["outbox/Call/Call.labelled.srt"], found["outbox/call/call.labelled.srt"]) == (b"", b"words")


@pytest.mark.parametrize(
    "stem", ["-rf", "--help", "call.", "call..", "a b", "call.labelled", "CON", "x\x1b[2J", "\u202egpj"]
)
def test_a_recording_of_any_name_and_its_transcript_stay_together(folder, stem):
    drop(folder, **{f"{stem}.wav": b"sound", f"{stem}.json": b"words"})
    assert errors(label_all(folder)) == [None]
    assert contents(folder)[f"outbox/{stem}/{stem}.labelled.srt"] == b"words"
