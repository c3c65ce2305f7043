"""A transcriber asks its child process, reads its events, and survives whatever it does."""

import os
import threading
import time
from pathlib import Path

import pytest
from support.fake_transcriber import LARGEST_BATCH
from support.transcription import recording

from diarize_runner.digests import hash_bytes
from diarize_runner.errors import DeviceUnavailable, Interrupted, OutOfMemory, PipelineError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.read import parse
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Deadline

QUIET = NoProgress()
CANCEL_SECONDS = 2.0


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def text_of(made):
    return "".join(segment.text for segment in made.transcript.segments)


def test_a_transcript_has_the_childs_segments_words_and_language(open_transcriber):
    made = open_transcriber().transcribe(recording(peak=0.25), QUIET)
    (segment,) = made.transcript.segments
    assert (segment.start, segment.end, segment.text) == (0.1, 0.8, " peak 0.25")
    assert [(word.start, word.end, word.text) for word in segment.words] == [(0.1, 0.4, " peak"), (0.4, 0.8, " 0.25")]
    assert (made.transcript.language, made.device, made.compute_type) == ("en", "cpu", "int8")


def test_the_document_is_read_like_a_transcript_file_and_has_the_digest(open_transcriber):
    made = open_transcriber().transcribe(recording(), QUIET)
    assert parse(made.document.decode()) == made.transcript
    assert made.transcript.digest == hash_bytes(made.document).digest


def test_words_are_left_out_on_request(open_transcriber):
    made = open_transcriber(words=False).transcribe(recording(), QUIET)
    assert [segment.words for segment in made.transcript.segments] == [()]


def test_one_child_transcribes_several_recordings_each_with_its_own_samples(open_transcriber, log):
    transcriber = open_transcriber()
    peaks = [0.75, 0.5, 0.25]
    made = [transcriber.transcribe(recording(peak=peak, seconds=4 - index), QUIET) for index, peak in enumerate(peaks)]
    assert [text_of(each) for each in made] == [" peak 0.75", " peak 0.50", " peak 0.25"]
    assert len({pid for pid, _ in log()}) == 1


def test_the_end_of_the_block_ends_the_child(open_transcriber, log):
    with open_transcriber() as transcriber:
        transcriber.transcribe(recording(), QUIET)
        ((pid, _),) = log()
        assert is_running(pid)
    assert not is_running(pid)


def test_the_memory_of_the_samples_is_freed_after_a_recording(open_transcriber):
    transcriber = open_transcriber()
    for peak in (0.5, 0.25):
        assert transcriber.transcribe(recording(peak), QUIET).transcript.segments[0].text == f" peak {peak:.2f}"
        assert os.fstat(transcriber._process._samples).st_size == 0


def test_the_child_has_a_process_group_of_its_own_and_no_token(open_transcriber, log, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    open_transcriber().transcribe(recording(), QUIET)
    ((pid, _),) = log()
    assert os.getpgid(pid) == pid
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"HF_HUB_OFFLINE=1" in environment
    assert b"ORT_DISABLE_TELEMETRY=1" in environment
    assert not [each for each in environment if b"hf_secret" in each]


def test_progress_counts_seconds_of_audio(open_transcriber):
    seen = []

    class Seen:
        def advance(self, stage, *, completed, total):
            seen.append((stage, completed, total))

    open_transcriber().transcribe(recording(seconds=3), Seen())
    assert seen == [("transcription", 0, 3), ("transcription", 1, 3), ("transcription", 3, 3)]


def test_a_child_that_prints_more_than_a_pipe_holds_does_not_hang(open_transcriber, behave):
    behave("noisy")
    assert text_of(open_transcriber().transcribe(recording(), QUIET)) == " peak 0.50"


def test_when_memory_runs_out_the_batch_is_halved_and_a_warning_says_so(open_transcriber, behave, log):
    behave("out of memory")
    transcriber = open_transcriber(batch_size=8)
    made = transcriber.transcribe(recording(), QUIET)
    assert [batch for _, batch in log()] == [8, 4, 2]
    assert made.options.batch_size == LARGEST_BATCH
    assert made.transcript.warnings == (
        "memory ran out with batches of 8: they were halved to 4",
        "memory ran out with batches of 4: they were halved to 2",
    )
    assert len({pid for pid, _ in log()}) == 3, "the memory of a child that ran out is freed"
    assert transcriber.transcribe(recording(), QUIET).transcript.warnings == ()


def test_without_memory_for_one_chunk_the_recording_fails(open_transcriber, behave, log):
    behave("out of memory always")
    with pytest.raises(OutOfMemory) as raised:
        open_transcriber(batch_size=4).transcribe(recording(), QUIET)
    assert raised.value.hint
    assert [batch for _, batch in log()] == [4, 2, 1]


def test_an_error_of_the_child_is_raised_as_its_kind(open_transcriber, behave):
    behave("fails")
    with pytest.raises(DeviceUnavailable, match="no CUDA device") as raised:
        open_transcriber().transcribe(recording(), QUIET)
    assert raised.value.hint == "use --device cpu"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("exits", "the transcriber ended with exit code 3: a library gave up"),
        ("dies", "the transcriber was killed by signal 9"),
        ("writes nonsense", "which is no event"),
    ],
)
def test_the_error_says_how_the_child_ended(open_transcriber, behave, how, message):
    behave(how)
    with pytest.raises(PipelineError, match=message):
        open_transcriber().transcribe(recording(), QUIET)


def test_a_recording_after_a_crash_gets_a_new_child(open_transcriber, behave):
    transcriber = open_transcriber()
    behave("dies")
    with pytest.raises(PipelineError):
        transcriber.transcribe(recording(), QUIET)
    behave("")
    assert text_of(transcriber.transcribe(recording(), QUIET)) == " peak 0.50"


def test_a_child_that_ended_between_two_recordings_is_replaced(open_transcriber, behave, log):
    behave("once")
    transcriber = open_transcriber()
    transcriber.transcribe(recording(), QUIET)
    ((pid, _),) = log()
    while is_running(pid):
        time.sleep(0.01)
    assert text_of(transcriber.transcribe(recording(), QUIET)) == " peak 0.50"


def test_a_recording_that_takes_longer_than_the_deadline_fails_and_ends_the_child(open_transcriber, behave, log):
    behave("slow")
    transcriber = open_transcriber(deadline=Deadline(load_seconds=2.0, per_audio_second=0.1))
    with pytest.raises(PipelineError, match="takes more than 2 s"):
        transcriber.transcribe(recording(), QUIET)
    ((pid, _),) = log()
    assert not is_running(pid)


def test_cancelling_from_another_thread_ends_the_child_within_two_seconds(open_transcriber, behave, log):
    behave("slow")
    transcriber, raised = open_transcriber(), []

    def transcribe():
        with pytest.raises(Interrupted) as caught:
            transcriber.transcribe(recording(), QUIET)
        raised.append(caught.value)

    thread = threading.Thread(target=transcribe)
    thread.start()
    while not log():
        time.sleep(0.01)
    began = time.monotonic()
    transcriber.cancel()
    thread.join()
    assert time.monotonic() - began < CANCEL_SECONDS
    assert [str(each) for each in raised] == ["the transcription was cancelled"]
    ((pid, _),) = log()
    assert not is_running(pid)


def test_ctrl_c_ends_the_child(open_transcriber, behave, log):
    behave("slow")

    class Interrupting:
        def advance(self, *_, **__):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_transcriber().transcribe(recording(), Interrupting())
    ((pid, _),) = log()
    assert not is_running(pid)


def test_a_transcriber_leaves_no_descriptor_open(open_transcriber):
    before = sorted(Path("/proc/self/fd").iterdir())
    with open_transcriber() as transcriber:
        transcriber.transcribe(recording(), QUIET)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_other_options_need_no_other_process(open_transcriber, log):
    transcriber = open_transcriber(model="tiny.en")
    assert transcriber.transcribe(recording(), QUIET).transcript.language == "en"
    transcriber.use(TranscriptionOptions(model="small", language="de", batch_size=3))
    made = transcriber.transcribe(recording(), QUIET)
    assert (made.model.name, made.transcript.language) == ("small", "de")
    assert [batch for _, batch in log()] == [8, 3]
    assert len({pid for pid, _ in log()}) == 1


def test_options_that_the_cache_cannot_meet_leave_the_transcriber_as_it_was(open_transcriber):
    transcriber = open_transcriber(model="tiny.en")
    with pytest.raises(UsageError, match="knows only English"):
        transcriber.use(TranscriptionOptions(model="tiny.en", language="de"))
    assert transcriber.requested == TranscriptionOptions(model="tiny.en")
    assert transcriber.transcribe(recording(), QUIET).transcript.language == "en"
