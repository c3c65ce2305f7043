"""One result for each recording, whatever happens, and none twice."""

import errno
import json
import os
import signal
import tempfile
import threading
from dataclasses import replace

import pytest

from diarize_runner.batch.attempts import AttemptLog
from diarize_runner.batch.inputs import InputRecording, quoted
from diarize_runner.batch.outcomes import AlreadyDone, Done, Failed
from diarize_runner.cli.signals import sigterm_interrupts
from diarize_runner.errors import DeviceUnavailable, DiskFull, PipelineError, StoreError
from diarize_runner.store.local import LocalStore
from diarize_runner.store.protocol import StoredObject
from diarize_runner.transcription.options import TranscriptionOptions

ODD_KEYS = ["a b/x y.wav", "ünïcode.wav", "100%.wav", "'\"`$(id).wav", "-rf.wav", "x" * 200 + ".wav"]


def test_each_recording_gets_one_result_and_another_run_finds_nothing_left(batch):
    for key in ("a.wav", "folder/b.wav"):
        batch.add(key)
    assert {type(outcome) for outcome in batch.run()} == {Done}
    assert len(batch.results()) == 2
    assert (batch.work().pending, batch.work().done) == ([], 2)


def test_unusual_names_have_results_of_their_own(batch):
    for key in ODD_KEYS:
        batch.add(key)
    assert {outcome.key for outcome in batch.run() if isinstance(outcome, Done)} == set(ODD_KEYS)
    assert len(batch.results()) == len(ODD_KEYS)
    assert batch.work().pending == []


@pytest.mark.parametrize("key", [os.fsdecode(b"caf\xe9.wav"), "line\nbreak.wav"], ids=["not UTF-8", "newline"])
def test_a_name_of_any_bytes_has_a_result(local_batch, key):
    """Not in a bucket: its keys are UTF-8, and moto finds no key with a newline."""
    local_batch.add(key)
    assert [type(outcome) for outcome in local_batch.run()] == [Done]
    assert local_batch.work().pending == []


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/../../b", "./.hidden", "//a", "/", "..", ".", "a//b"])
def test_no_key_leads_out_of_the_results(key):
    parts = quoted(key).split("/")
    assert not any(part in ("", ".", "..") or part.startswith(".") for part in parts)


def test_different_keys_have_different_names():
    keys = ["a/b", "a%2Fb", "a//b", "a/%/b", "../b", "%2E./b", "A/b", "x" * 150, "x" * 151]
    recordings = [InputRecording(audio=StoredObject(key=key, size=1, state="s")) for key in keys]
    assert len({recording.name for recording in recordings}) == len(keys)


def test_two_recordings_of_one_stem_have_two_results(batch):
    for key in ("call.wav", "call.flac"):
        batch.add(key)
    batch.run()
    assert len(batch.results()) == 2


def test_a_changed_recording_gets_another_result(batch):
    batch.add("a.wav")
    batch.run()
    batch.add("a.wav")
    assert [type(outcome) for outcome in batch.run()] == [Done]
    assert len(batch.results()) == 2


def test_other_options_make_other_results_and_formats_and_devices_do_not(local_batch):
    configuration = local_batch.plan.configuration
    local_batch.add("a.wav")
    local_batch.run()
    for other in (
        replace(configuration, engine="fast"),
        replace(configuration, transcription=TranscriptionOptions()),
    ):
        assert local_batch.work(configuration=other).done == 0
    assert local_batch.work(formats=("rttm",), device="cuda").done == 1
    on_gpu = replace(configuration, transcription=TranscriptionOptions(device="cuda"))
    assert on_gpu.name == replace(configuration, transcription=TranscriptionOptions(device="cpu")).name


def test_the_json_of_a_recording_is_written_last(local_batch, monkeypatch):
    local_batch.add("a.wav")
    written, swap = [], LocalStore.swap

    def recorded(store, key, data, *, expected):
        written.append(key)
        swap(store, key, data, expected=expected)

    monkeypatch.setattr(LocalStore, "swap", recorded)
    local_batch.run(formats=("rttm", "html"))
    results = [key.rpartition(".")[2] for key in written if "/results/" in key]
    assert results == ["rttm", "html", "json"]


def test_a_result_has_the_digest_of_the_bytes_that_were_diarized(local_batch):
    local_batch.add("a.wav")
    local_batch.run()
    (key,) = local_batch.results()
    audio = json.loads(local_batch.output.read(key).data)["provenance"]["audio"]["digest"]
    assert audio == str(local_batch.plan.source.open().digest("a.wav"))


def test_a_second_worker_finds_the_result_there(batch):
    batch.add("a.wav")
    pending = batch.work().pending
    first, second = batch.run(pending), batch.run(pending)
    assert (type(first[0]), type(second[0])) == (Done, AlreadyDone)
    assert batch.diarizer.diarized == ["a"]


def test_a_worker_that_loses_the_race_keeps_the_first_result(batch):
    batch.add("a.wav")
    pending, others = batch.work().pending, []

    def meanwhile(_uri):
        if not others:
            others.append(None)
            others.extend(batch.run(pending))

    batch.diarizer.meanwhile = meanwhile
    assert [type(outcome) for outcome in batch.run(pending)] == [AlreadyDone]
    assert type(others[1]) is Done
    assert len(batch.results()) == 1


def test_what_is_no_audio_fails_for_good_and_stops_no_other(batch):
    batch.add("note.bin", b"hello")
    batch.add("z.wav")
    failed, done = batch.run()
    assert (type(done), failed.will_be_tried_again) == (Done, False)
    work = batch.work()
    assert (work.pending, work.done, [each.key for each in work.given_up]) == ([], 1, ["note.bin"])


def test_transcripts_lists_and_results_beside_recordings_are_no_recordings(local_batch):
    for key in ("a.wav", "a.json", "a.SRT", "a.rttm", "list.jsonl"):
        local_batch.add(key)
    assert [each.key for each in local_batch.work().pending] == ["a.wav"]


def test_an_error_of_the_pipeline_is_tried_again_until_the_last_attempt(local_batch):
    local_batch.add("a.wav")
    local_batch.diarizer.meanwhile = _raising(PipelineError("cuda says no"))
    again = [outcome.will_be_tried_again for _ in range(3) for outcome in local_batch.run(attempts=3)]
    assert again == [True, True, False]
    work = local_batch.work(attempts=3)
    assert (work.pending, [each.message for each in work.given_up]) == ([], ["cuda says no"])


def test_a_recording_that_kills_its_worker_each_time_is_given_up(local_batch):
    local_batch.add("a.wav")
    local_batch.diarizer.meanwhile = lambda _uri: os._exit(9)
    for _ in range(2):
        _in_another_process(lambda: local_batch.run(attempts=2))
    (given_up,) = local_batch.work(attempts=2).given_up
    assert "died each time" in given_up.message


def _in_another_process(work):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeviceUnavailable("no GPU")], ids=["interrupt", "device"])
def test_a_recording_is_not_charged_for_what_concerns_every_recording(local_batch, error):
    local_batch.add("a.wav")
    local_batch.diarizer.meanwhile = _raising(error)
    with pytest.raises(type(error)):
        local_batch.run()
    (recording,) = local_batch.work().pending
    assert AttemptLog(local_batch.output, local_batch.plan.configuration.name).read(recording.name).count == 0


def test_sigterm_interrupts_the_recording_in_progress():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_attempts_are_forgotten_once_there_is_a_result(batch):
    batch.add("a.wav")
    batch.diarizer.meanwhile = _raising(PipelineError("once"))
    batch.run()
    batch.diarizer.meanwhile = lambda uri: None
    batch.run()
    assert [key for key in batch.output.keys("") if "/attempts/" in key] == []


def test_a_bucket_that_forbids_deletion_takes_results(local_batch, monkeypatch):
    def denied(_store, _key):
        raise StoreError("denied")

    local_batch.add("a.wav")
    monkeypatch.setattr(LocalStore, "delete", denied)
    assert [type(outcome) for outcome in local_batch.run()] == [Done]
    assert (local_batch.work().pending, local_batch.work().given_up) == ([], [])


def test_a_store_that_takes_no_result_ends_the_batch(local_batch, monkeypatch):
    for key in ("a.wav", "b.wav"):
        local_batch.add(key)
    swap = LocalStore.swap

    def denied(store, key, data, *, expected):
        if "/results/" in key:
            raise StoreError("denied")
        swap(store, key, data, expected=expected)

    monkeypatch.setattr(LocalStore, "swap", denied)
    with pytest.raises(StoreError, match="denied"):
        local_batch.run()
    monkeypatch.setattr(LocalStore, "swap", swap)
    assert [type(outcome) for outcome in local_batch.run(attempts=1)] == [Done, Done]


def test_a_recording_that_cannot_be_read_stops_no_other(local_batch, monkeypatch):
    for key in ("a.wav", "b.wav", "c.wav"):
        local_batch.add(key)
    _deny(monkeypatch, "b.wav")
    assert [type(outcome) for outcome in local_batch.run()] == [Done, Failed, Done]


def test_a_store_that_gives_no_recording_ends_the_batch(local_batch, monkeypatch):
    for number in range(5):
        local_batch.add(f"{number}.wav")
    _deny(monkeypatch, "wav")
    with pytest.raises(StoreError, match="expired"):
        local_batch.run()
    assert len(local_batch.work().pending) == 5


def _deny(monkeypatch, end):
    read = LocalStore.read_range

    def expired(store, key, offset, length):
        if key.endswith(end):
            raise StoreError("the credentials have expired")
        return read(store, key, offset, length)

    monkeypatch.setattr(LocalStore, "read_range", expired)


def test_a_recording_that_changes_while_it_is_fetched_waits_for_another_run(batch):
    batch.add("a.wav")
    pending = batch.work().pending
    batch.add("a.wav")
    (failed,) = batch.run(pending)
    assert failed.will_be_tried_again
    assert "changed" in failed.message
    assert [type(outcome) for outcome in batch.run()] == [Done]


def test_a_full_local_disk_ends_the_batch_and_nothing_is_lost(local_batch, monkeypatch):
    local_batch.add("a.wav")

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", full)
        with pytest.raises(DiskFull):
            local_batch.run()
    assert [type(outcome) for outcome in local_batch.run()] == [Done]


def test_nothing_is_left_on_the_local_disk_while_a_recording_is_diarized(local_batch, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    found = []
    local_batch.diarizer.meanwhile = lambda _uri: found.extend((tmp_path / "tmp").iterdir())
    local_batch.add("a.wav")
    local_batch.run()
    assert found == []


def test_recordings_that_wait_stay_below_the_bound(local_batch, monkeypatch):
    for number in range(6):
        local_batch.add(f"{number}.wav")
    size = local_batch.work().pending[0].audio.size
    begun, read = [], LocalStore.read_range

    def counted(store, key, offset, length):
        begun.append(key)
        return read(store, key, offset, length)

    monkeypatch.setattr(LocalStore, "read_range", counted)
    seen = []
    local_batch.diarizer.meanwhile = lambda _uri: seen.append(len(begun))
    local_batch.run(prefetch_bytes=2 * size)
    assert max(fetched - number for number, fetched in enumerate(seen)) == 3  # one in work, two that wait
    assert len(begun) == 6


def test_the_next_recording_is_fetched_while_one_is_diarized(local_batch, monkeypatch):
    for key in ("a.wav", "b.wav"):
        local_batch.add(key)
    fetched, read = threading.Event(), LocalStore.read_range

    def noted(store, key, offset, length):
        yield from read(store, key, offset, length)
        if key == "b.wav":
            fetched.set()

    monkeypatch.setattr(LocalStore, "read_range", noted)
    local_batch.diarizer.meanwhile = lambda _uri: fetched.wait(30) or pytest.fail("b.wav was not fetched")
    assert [type(outcome) for outcome in local_batch.run()] == [Done, Done]


def test_models_are_loaded_once_and_only_for_a_recording(local_batch):
    local_batch.run()
    assert local_batch.opened == 0
    for key in ("a.wav", "b.wav"):
        local_batch.add(key)
    local_batch.run()
    assert local_batch.opened == 1


def _raising(error):
    def meanwhile(_uri):
        raise error

    return meanwhile
