"""A run waits for the next recording with its models loaded, until the idle time is over or its models are outdated."""

import pytest
from support.labellers import FakeLabeller, InstantClock

from diarize_runner.spool.idle import IdlePolicy, LinkTargets
from diarize_runner.spool.run import Spool, run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "spool"
    (folder / "inbox").mkdir(parents=True)
    return folder


@pytest.fixture
def current(tmp_path):
    """A link to the models."""
    (tmp_path / "current").symlink_to("versions/old")
    return tmp_path / "current"


def drop(folder, *names):
    for name in names:
        (folder / "inbox" / name).write_bytes(b"sound")


class ScriptedClock(InstantClock):
    """Calls functions when its time comes."""

    def __init__(self, script):
        super().__init__()
        self._script = dict(script)

    def sleep(self, seconds):
        super().sleep(seconds)
        self._script.pop(self.elapsed, lambda: None)()


class Opens:
    """Counts how often a labeller is opened."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return FakeLabeller()


def names_of(outcomes):
    return [outcome.place.name for outcome in outcomes]


def test_a_labeller_is_opened_for_each_recording_within_the_idle_time(folder):
    drop(folder, "one.wav")
    clock, opens = ScriptedClock({299: lambda: drop(folder, "two.wav")}), Opens()
    outcomes = run(Spool(folder=folder), opens, settle=0, idle=IdlePolicy(seconds=300), clock=clock)
    assert names_of(outcomes) == ["one", "two"]
    assert opens.count == 2


def test_the_idle_time_begins_with_the_end_of_the_last_recording(folder):
    class Slow(FakeLabeller):
        def label(self, recording, transcript):
            clock.elapsed += 1000
            return super().label(recording, transcript)

    drop(folder, "one.wav")
    clock = ScriptedClock({1100: lambda: drop(folder, "two.wav")})
    outcomes = run(Spool(folder=folder), Slow, settle=0, idle=IdlePolicy(seconds=300), clock=clock)
    assert names_of(outcomes) == ["one", "two"]
    assert clock.elapsed == 2100 + 300


def test_a_recording_after_the_idle_time_is_left_to_the_next_run(folder):
    drop(folder, "one.wav")
    clock = ScriptedClock({301: lambda: drop(folder, "two.wav")})
    outcomes = run(Spool(folder=folder), FakeLabeller, settle=0, idle=IdlePolicy(seconds=300), clock=clock)
    assert (names_of(outcomes), clock.elapsed) == (["one"], 300)


def test_an_unfinished_claim_counts_as_the_last_recording(folder):
    drop(folder, "one.wav")
    interrupted = run(Spool(folder=folder), interrupt, settle=0, clock=InstantClock())
    with pytest.raises(KeyboardInterrupt):
        next(interrupted)
    clock = ScriptedClock({})
    outcomes = run(Spool(folder=folder), FakeLabeller, settle=0, idle=IdlePolicy(seconds=300), clock=clock)
    assert (names_of(outcomes), clock.elapsed) == (["one"], 300)


def interrupt():
    raise KeyboardInterrupt


def test_a_recording_that_is_still_copied_when_the_idle_time_ends_is_labelled(folder):
    drop(folder, "one.wav")
    clock = ScriptedClock({308: lambda: drop(folder, "two.wav")})
    outcomes = run(Spool(folder=folder), FakeLabeller, settle=10, idle=IdlePolicy(seconds=300), clock=clock)
    assert (names_of(outcomes), clock.elapsed) == (["one", "two"], 10 + 298 + 10 + 300)


def test_a_run_without_a_recording_loads_nothing_and_does_not_wait(folder):
    clock, opens = InstantClock(), Opens()
    assert list(run(Spool(folder=folder), opens, idle=IdlePolicy(seconds=300), clock=clock)) == []
    assert (opens.count, clock.elapsed) == (0, 0)


def test_without_an_idle_time_a_run_ends_with_the_last_recording(folder):
    drop(folder, "one.wav")
    clock = InstantClock()
    assert names_of(run(Spool(folder=folder), FakeLabeller, settle=0, clock=clock)) == ["one"]
    assert clock.elapsed == 0


def move(link, target):
    link.unlink()
    link.symlink_to(target)


def test_a_run_that_waits_ends_as_soon_as_other_models_are_current(folder, current):
    drop(folder, "one.wav")
    clock = ScriptedClock({100: lambda: move(current, "versions/new")})
    idle = IdlePolicy(seconds=300, installed=LinkTargets.read(current))
    assert names_of(run(Spool(folder=folder), FakeLabeller, settle=0, idle=idle, clock=clock)) == ["one"]
    assert clock.elapsed == 100


def test_a_recording_that_comes_with_new_models_is_left_to_the_run_that_loads_them(folder, current):
    drop(folder, "one.wav")

    def refresh():
        drop(folder, "two.wav")
        move(current, "versions/new")

    idle = IdlePolicy(seconds=300, installed=LinkTargets.read(current))
    outcomes = run(Spool(folder=folder), FakeLabeller, settle=0, idle=idle, clock=ScriptedClock({100: refresh}))
    assert names_of(outcomes) == ["one"]
    assert [path.name for path in (folder / "inbox").iterdir()] == ["two.wav"]


def test_a_backlog_ends_when_other_models_are_current(folder, current):
    class Refreshing(FakeLabeller):
        def label(self, recording, transcript):
            move(current, "versions/new")
            return super().label(recording, transcript)

    drop(folder, "one.wav", "two.wav")
    idle = IdlePolicy(seconds=300, installed=LinkTargets.read(current))
    assert len(list(run(Spool(folder=folder), Refreshing, settle=0, idle=idle, clock=InstantClock()))) == 1
    assert len(list((folder / "inbox").iterdir())) == 1


class TestLinkTargets:
    def test_have_not_moved_when_the_link_is_written_again(self, current):
        targets = LinkTargets.read(current)
        move(current, "versions/old")
        assert not targets.have_moved()

    def test_have_moved_when_the_link_is_gone(self, current):
        targets = LinkTargets.read(current)
        current.unlink()
        assert targets.have_moved()

    def test_have_moved_when_a_link_appears(self, tmp_path):
        targets = LinkTargets.read(tmp_path / "current")
        (tmp_path / "current").symlink_to("versions/new")
        assert targets.have_moved()

    def test_include_links_among_the_parents_of_a_path(self, tmp_path, current):
        targets = LinkTargets.read(current / "bin/command")
        move(current, "versions/new")
        assert targets.have_moved()

    def test_do_not_depend_on_the_working_folder(self, tmp_path, current, monkeypatch):
        monkeypatch.chdir(tmp_path)
        targets = LinkTargets.read(current.relative_to(tmp_path))
        monkeypatch.chdir("/")
        assert not targets.have_moved()
