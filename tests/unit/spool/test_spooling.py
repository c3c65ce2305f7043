"""Dropped files are labelled or moved to failed, as a whole, and never lost."""

import errno
import os
import time
from functools import partial
from pathlib import Path

import pytest
from support.kills import killed_before_step
from support.labellers import FakeLabeller, InstantClock, label_all

from diarize_runner.errors import (
    DeviceUnavailable,
    DiskError,
    DiskFull,
    IntegrityError,
    ManifestError,
    SpoolError,
    UsageError,
    VoiceError,
)
from diarize_runner.spool.inbox import TRANSCRIPT_WAIT_SECONDS
from diarize_runner.spool.run import MAX_ATTEMPTS, Spool, run


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
def test_a_transcript_is_recognised_by_its_suffix(folder, transcript):
    drop(folder, **{"call.wav": b"sound", transcript: b"words"})
    assert errors(label_all(folder)) == [None]
    assert contents(folder)["outbox/call/call.labelled.srt"] == b"words"


@pytest.mark.parametrize("name", ["call.wav.json", "call.wav.srt", "cafe\u0301.wav.json"])
def test_a_transcript_may_be_named_after_the_whole_name_of_its_recording(folder, name):
    """It once failed 10 minutes after its recording was labelled without it."""
    stem = "call" if name.startswith("call") else "caf\u00e9"
    drop(folder, **{f"{stem}.wav": b"sound", name: b"words"})
    assert errors(label_all(folder)) == [None]
    assert contents(folder)[f"outbox/{stem}/{stem}.labelled.srt"] == b"words"


def test_a_transcript_named_after_a_recording_waits_for_it(folder):
    drop(folder, **{"call.wav.json": b"words"})

    class Late(InstantClock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if self.elapsed == 300:
                drop(folder, **{"call.wav": b"sound"})

    outcomes = list(run(Spool(folder=folder), FakeLabeller, settle=0, clock=Late()))
    assert [outcome.place.name for outcome in outcomes] == ["call"]
    assert contents(folder)["outbox/call/call.labelled.srt"] == b"words"


class Unreadable(FakeLabeller):
    """Fails with a disk error on the content `bad`."""

    def label(self, recording, transcript):
        if recording.read_bytes() == b"bad":
            raise DiskError(f"{recording.name}: Input/output error")
        return super().label(recording, transcript)


def test_a_disk_error_on_one_recording_stops_no_other(folder):
    drop(folder, one_wav=b"bad", two_wav=b"sound")
    outcomes = list(run(Spool(folder=folder), Unreadable, settle=0, clock=InstantClock()))
    assert errors(outcomes) == ["one.wav: Input/output error", None]
    assert contents(folder)["failed/one/one.error.txt"] == b"error: one.wav: Input/output error\n"


def test_a_failed_recording_gets_an_error_file_and_the_next_is_labelled(folder):
    drop(folder, one_wav=b"bad", two_wav=b"sound")
    assert errors(label_all(folder)) == ["cannot decode one.wav", None]
    found = contents(folder)
    assert found["failed/one/one.wav"] == b"bad"
    assert found["failed/one/one.error.txt"] == b"error: cannot decode one.wav\nhint: record it again\n"
    assert "outbox/two/two.wav" in found


class TestFileThatIsStillBeingCopied:
    @pytest.fixture
    def clock(self):
        return InstantClock()

    def test_is_labelled_once_it_is_unchanged_for_the_settle_time(self, folder, clock):
        drop(folder, call_wav=b"sou")
        copying = iter([b"soun", b"sound", b"sound!"])

        class Copying(InstantClock):
            def sleep(self, seconds):
                super().sleep(seconds)
                if more := next(copying, None):
                    drop(folder, call_wav=more)

        list(run(Spool(folder=folder), FakeLabeller, settle=1.5, clock=Copying()))
        assert contents(folder)["outbox/call/call.labelled.json"] == b"sound!"

    def test_settles_by_its_change_time_not_its_modification_time(self, folder, clock):
        drop(folder, call_wav=b"sound")
        os.utime(folder / "inbox/call.wav", (0, 0))  # as cp -p and scp -p do
        assert len(list(run(Spool(folder=folder), FakeLabeller, settle=30, clock=clock))) == 1
        assert clock.elapsed >= 29

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_settles_in_the_same_time_when_the_clock_is_set(self, hours, folder):
        """With the system clock set back, it waited for an hour; set forward, it was claimed half copied."""

        class SetClock(InstantClock):
            def time(self):
                return time.time() + hours * 3600 + self.elapsed

        drop(folder, call_wav=b"sound")
        clock = SetClock()
        assert len(list(run(Spool(folder=folder), FakeLabeller, settle=5, clock=clock))) == 1
        assert 5 <= clock.elapsed <= 6

    def test_settles_independently_of_other_files(self, folder):
        """A settled file does not wait for a new one, and the new one settles after it was first seen."""
        drop(folder, one_wav=b"sound")

        class Slow(FakeLabeller):
            def label(self, recording, transcript):
                clock.elapsed += 100
                if recording.name == "one.wav":
                    drop(folder, two_wav=b"more")
                return super().label(recording, transcript)

        clock = InstantClock()
        assert len(list(run(Spool(folder=folder), Slow, settle=5, clock=clock))) == 2
        assert 210 <= clock.elapsed <= 212

    def test_is_ignored_while_its_name_begins_with_a_dot(self, folder):
        (folder / "inbox/.call.wav.Xy12Zz").write_bytes(b"sou")
        assert label_all(folder) == []
        assert contents(folder) == {"inbox/.call.wav.Xy12Zz": b"sou"}

    def test_a_transcript_waits_for_its_recording(self, folder):
        drop(folder, call_json=b"words")

        class Late(InstantClock):
            def sleep(self, seconds):
                super().sleep(seconds)
                if self.elapsed == 300:
                    drop(folder, call_wav=b"sound")

        list(run(Spool(folder=folder), FakeLabeller, settle=0, clock=Late()))
        assert contents(folder)["outbox/call/call.labelled.srt"] == b"words"

    def test_fails_without_a_recording_after_the_wait_time(self, folder, clock):
        drop(folder, call_stm=b"words")
        assert errors(run(Spool(folder=folder), FakeLabeller, settle=0, clock=clock)) == ["no recording for call.stm"]
        assert TRANSCRIPT_WAIT_SECONDS - 2 <= clock.elapsed <= TRANSCRIPT_WAIT_SECONDS + 2
        assert contents(folder)["failed/call/call.stm"] == b"words"


@pytest.mark.parametrize(
    ("dropped", "error"),
    [
        (["call.mp3", "call.wav"], "call.mp3 and call.wav have the same name"),
        (["call.json", "call.stm", "call.wav"], "call.json and call.stm have the same name"),
        (["call.srt", "call.vtt", "call.wav"], "call.srt and call.vtt have the same name"),
    ],
)
def test_two_recordings_or_transcripts_of_one_stem_fail_together(folder, dropped, error):
    drop(folder, **dict.fromkeys(dropped, b"x"))
    assert errors(label_all(folder)) == [error]
    assert {path.name for path in (folder / "failed/call").iterdir()} == {*dropped, "call.error.txt"}


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo])
def test_links_and_pipes_are_never_opened(folder, make):
    make(folder / "inbox/call.wav")
    assert errors(label_all(folder)) == ["call.wav is a link or a folder"]
    assert os.path.lexists(folder / "failed/call/call.wav")


def test_a_run_leaves_folders_alone_and_waits_until_they_are_gone(folder):
    (folder / "inbox/calls").mkdir()
    drop(folder, call_wav=b"sound")

    class FolderRemover(InstantClock):
        def sleep(self, seconds):
            (folder / "inbox/calls").rmdir()

    (outcome,) = run(Spool(folder=folder), FakeLabeller, settle=0, clock=FolderRemover())
    assert outcome.place.name == "call"


def test_a_repeated_name_gets_a_number(folder):
    for content in (b"one", b"two", b"three"):
        drop(folder, call_wav=content)
        label_all(folder)
    found = contents(folder)
    assert [found[f"outbox/{name}/call.wav"] for name in ("call", "call-2", "call-3")] == [b"one", b"two", b"three"]


@pytest.mark.parametrize("stem", [b"x" * 251, b"caf\xe9", b"-rf", b"a b\nc", b"error", b"call.labelled"])
def test_every_file_name_is_supported(folder, stem):
    Path(os.fsdecode(os.fsencode(folder / "inbox") + b"/" + stem + b".wav")).write_bytes(b"sound")
    Path(os.fsdecode(os.fsencode(folder / "inbox") + b"/" + stem + b".stm")).write_bytes(b"words")
    assert errors(label_all(folder)) == [None]
    (place,) = (folder / "outbox").iterdir()
    assert len(list(place.iterdir())) == 4


def inputs(folder):
    """Return the names and contents of all files but results and records, sorted."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted((path.name, path.read_bytes()) for path in files if ".labelled." not in path.name)


def test_a_run_killed_before_any_write_loses_nothing_and_the_next_finishes(tmp_path):
    dropped = [("call.json", b"words"), ("call.wav", b"sound"), ("other.wav", b"more")]
    for step in range(1, 100):
        folder = tmp_path / str(step)
        (folder / "inbox").mkdir(parents=True)
        drop(folder, call_wav=b"sound", call_json=b"words", other_wav=b"more")
        if not killed_before_step(step, partial(label_all, folder)):
            assert step > 15, "too few steps: the kills did not happen"
            return
        assert inputs(folder) == dropped
        for delivered in (folder / "outbox").glob("*/"):
            assert (delivered / f"{delivered.name}.labelled.json").exists(), "a folder in the outbox is incomplete"
        label_all(folder)
        assert inputs(folder) == dropped
        assert {path.name for path in (folder / "outbox").iterdir()} == {"call", "other"}
        assert contents(folder)["outbox/call/call.labelled.srt"] == b"words", "the transcript lost its recording"
        assert list((folder / "claimed").iterdir()) == list((folder / "inbox").iterdir()) == []
    pytest.fail("the run never finished")


def test_a_recording_that_kills_every_run_fails_after_three(folder):
    drop(folder, bomb_wav=b"deadly")
    for _ in range(MAX_ATTEMPTS):
        assert killed_before_step(10_000, partial(label_all, folder))
        assert "claimed/bomb/bomb.wav" in contents(folder)
    assert errors(label_all(folder)) == ["3 runs crashed on it"]
    assert contents(folder)["failed/bomb/bomb.wav"] == b"deadly"


class Raises:
    def __init__(self, reason):
        self._reason = reason

    def label(self, recording, transcript):
        raise self._reason


def run_raises(folder, reason, kind=None):
    with pytest.raises(kind or type(reason)):
        list(run(Spool(folder=folder), lambda: Raises(reason), settle=0, clock=InstantClock()))


def test_a_recording_that_loses_the_device_fails_after_three_runs(folder):
    drop(folder, call_wav=b"sound")
    for _ in range(MAX_ATTEMPTS):
        run_raises(folder, DeviceUnavailable("CUDA error: an illegal memory access was encountered"))
    assert errors(label_all(folder)) == ["3 runs crashed on it"]


@pytest.mark.parametrize(
    "reason", [DiskFull("full"), IntegrityError("changed"), ModuleNotFoundError("none"), OSError(errno.ENOSPC, "full")]
)
def test_what_is_wrong_with_every_recording_ends_the_run_and_is_not_an_attempt(folder, reason):
    drop(folder, call_wav=b"sound")
    for _ in range(MAX_ATTEMPTS + 1):
        run_raises(folder, reason, DiskFull if isinstance(reason, OSError) else type(reason))
    assert errors(label_all(folder)) == [None]


def test_an_interrupted_run_is_not_an_attempt(folder):
    drop(folder, call_wav=b"sound")
    for _ in range(MAX_ATTEMPTS + 1):
        run_raises(folder, KeyboardInterrupt())
    assert errors(label_all(folder)) == [None]


@pytest.mark.parametrize("kind", [DeviceUnavailable, ManifestError, UsageError, VoiceError])
def test_an_error_of_the_box_is_not_an_attempt_and_the_next_run_resumes_the_recording(kind, folder):
    openings = iter(range(100))

    def opens_once():
        if next(openings) == 0:
            return FakeLabeller()
        raise kind("something on the box is wrong")

    drop(folder, call_wav=b"sound", other_wav=b"sound")
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(kind):
            list(run(Spool(folder=folder), opens_once, settle=0, clock=InstantClock()))
    assert [path.name for path in (folder / "outbox").iterdir()] == ["call"]
    assert list((folder / "failed").iterdir()) == []
    assert errors(label_all(folder)) == [None]


def test_two_runs_do_not_share_a_spool(folder):
    drop(folder, call_wav=b"sound")
    first = run(Spool(folder=folder), FakeLabeller, settle=0, clock=InstantClock())
    next(first)
    with pytest.raises(SpoolError, match=rf"^another run is active in {folder}$"):
        label_all(folder)
    assert list(first) == []
    assert label_all(folder) == []


UNEXPECTED = [
    *(ValueError("no number"), OverflowError("too large"), IndexError("list"), KeyError("end"), RecursionError("deep")),
    *(MemoryError(), OSError("no such device"), RuntimeError("a library's"), StopIteration()),
]


class RaisesOnce(FakeLabeller):
    def __init__(self, reason):
        self._reason = reason

    def label(self, recording, transcript):
        if recording.name == "call.wav":
            raise self._reason
        return super().label(recording, transcript)


@pytest.mark.parametrize("reason", UNEXPECTED, ids=lambda reason: type(reason).__name__)
def test_an_unexpected_exception_fails_the_recording_at_the_first_attempt_and_stops_no_other(folder, reason):
    drop(folder, call_wav=b"sound", call_json=b"words", other_wav=b"sound")
    failed, other = run(Spool(folder=folder), lambda: RaisesOnce(reason), settle=0, clock=InstantClock())
    assert failed.error.message.startswith(f"call.wav: {type(reason).__name__} in test_spooling.py, line ")
    assert other.error is None
    found = contents(folder)
    assert (found["failed/call/call.wav"], found["failed/call/call.json"]) == (b"sound", b"words")
    assert b"hint: run it again with -v for the traceback" in found["failed/call/call.error.txt"]
    assert "outbox/other/other.wav" in found


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_names_match_in_any_unicode_normal_form(folder):
    drop(folder, **{f"{DECOMPOSED}.wav": b"sound", f"{COMPOSED}.json": b"words"})
    assert errors(label_all(folder)) == [None]
    found = contents(folder)
    assert found[f"outbox/{COMPOSED}/{COMPOSED}.labelled.srt"] == b"words"
    assert found[f"outbox/{COMPOSED}/{DECOMPOSED}.wav"] == b"sound"


def test_recordings_whose_names_differ_only_in_unicode_normal_form_fail_together(folder):
    drop(folder, **{f"{DECOMPOSED}.wav": b"one", f"{COMPOSED}.wav": b"two"})
    (outcome,) = label_all(folder)
    assert "have the same name" in outcome.error.message
    assert sorted(path.read_bytes() for path in outcome.place.glob("*.wav")) == [b"one", b"two"]


def test_names_are_case_sensitive(folder):
    drop(folder, **{"Call.wav": b"one", "call.wav": b"two", "call.json": b"words"})
    assert errors(label_all(folder)) == [None, None]
    found = contents(folder)
    assert (found["outbox/Call/Call.labelled.json"], found["outbox/call/call.labelled.json"]) == (b"one", b"two")
    assert (found["outbox/Call/Call.labelled.srt"], found["outbox/call/call.labelled.srt"]) == (b"", b"words")


@pytest.mark.parametrize(
    "stem", ["-rf", "--help", "call.", "call..", "a b", "call.labelled", "CON", "x\x1b[2J", "\u202egpj"]
)
def test_a_recording_and_its_transcript_stay_together_for_every_name(folder, stem):
    drop(folder, **{f"{stem}.wav": b"sound", f"{stem}.json": b"words"})
    assert errors(label_all(folder)) == [None]
    assert contents(folder)[f"outbox/{stem}/{stem}.labelled.srt"] == b"words"
