"""An aligner asks its child process, gives each word its time, and survives whatever the child does."""

import threading
import time
from pathlib import Path

import pytest
from support.alignment import ENGLISH, recording_with_peak, segment, spans, transcription
from support.fake_aligner import PACKAGES
from support.transcription import recording

from diarize_runner.alignment.transcriber import AligningTranscriber
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import IntegrityError, Interrupted, PipelineError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.read import parse
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Deadline

QUIET = NoProgress()
CANCEL_SECONDS = 2.0
HELLO = segment(0.5, 1.5, " Hello", " there.")


@pytest.fixture
def hello(cache):
    return transcription(cache, [HELLO])


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_words_get_the_times_of_the_child_which_hears_the_same_samples(open_aligner, hello):
    made = open_aligner().align(hello, recording_with_peak(recording(), 0.7), QUIET)
    assert spans(made) == [(" Hello", 0.7, 1.2), (" there.", 1.2, 1.7)]
    (aligned,) = made.transcript.segments
    assert (aligned.start, aligned.end, aligned.text) == (0.7, pytest.approx(1.7), " Hello there.")
    assert [word.score for word in aligned.words] == [0.5, 0.5], "whether the word is right, is Whisper's to say"


def test_a_word_that_its_neighbours_leave_no_time_gets_a_little(open_aligner, cache):
    said = transcription(cache, [segment(0.5, 0.8, " Number", " 1")])
    made = open_aligner().align(said, recording_with_peak(recording(), 0.7), QUIET)
    assert spans(made) == [(" Number", 0.7, 0.85), (" 1", 0.85, 0.87)]


def test_the_result_names_the_model_and_its_packages(open_aligner, hello, cache):
    made = open_aligner().align(hello, recording(), QUIET).alignment
    (repo,) = [repo for repo in cache.manifest.repos if repo.repo_id == ENGLISH]
    assert (made.model, made.commit_hash, made.device) == (ENGLISH, repo.commit_hash, "cpu")
    assert made.packages == PACKAGES


def test_the_document_is_read_like_a_transcript_file_and_has_the_digest(open_aligner, hello):
    made = open_aligner().align(hello, recording(), QUIET)
    read = parse(made.document.decode())
    assert (read.segments, read.language) == (made.transcript.segments, "en")
    assert made.transcript.digest == hash_bytes(made.document).digest
    assert made.transcript.warnings == hello.transcript.warnings


@pytest.mark.parametrize("how", ["refuses", "other words"])
def test_segments_that_cannot_be_aligned_keep_their_times_and_a_warning_counts_them(open_aligner, behave, hello, how):
    behave(how)
    made = open_aligner().align(hello, recording(), QUIET)
    assert made.transcript.segments == hello.transcript.segments
    assert made.transcript.warnings[1:] == (
        "1 of 1 segments could not be aligned: their words keep the times of Whisper",
    )


def test_a_transcript_without_segments_starts_no_child(open_aligner, cache, log):
    empty = transcription(cache, [])
    assert open_aligner().align(empty, recording(), QUIET) is empty
    assert log() == []


def test_a_language_without_a_model_is_refused_with_the_request_to_add(open_aligner, cache):
    with pytest.raises(UsageError, match="no alignment model for the language de") as raised:
        open_aligner().align(transcription(cache, [HELLO], "de"), recording(), QUIET)
    assert raised.value.exit_code == 2
    assert "wav2vec2-large-xlsr-53-german" in raised.value.hint


def test_one_child_aligns_several_transcripts(open_aligner, hello, log):
    aligner = open_aligner()
    for peak in (0.7, 0.9):
        made = aligner.align(hello, recording_with_peak(recording(), peak), QUIET)
        assert spans(made)[0][1] == peak
    assert len({pid for pid, *_ in log()}) == 1


def test_progress_counts_segments(open_aligner, cache):
    seen = []

    class Seen:
        def advance(self, stage, *, completed, total):
            seen.append((stage, completed, total))

    open_aligner().align(transcription(cache, [HELLO, segment(1.6, 1.9, " Bye.")]), recording(), Seen())
    assert seen == [("alignment", 0, 2), ("alignment", 1, 2), ("alignment", 2, 2)]


def test_a_child_that_prints_more_than_a_pipe_holds_does_not_hang(open_aligner, behave, hello):
    behave("noisy")
    assert len(spans(open_aligner().align(hello, recording(), QUIET))) == 2


def test_an_error_of_the_child_is_raised_as_its_kind(open_aligner, behave, hello):
    behave("fails")
    with pytest.raises(IntegrityError, match="has changed"):
        open_aligner().align(hello, recording(), QUIET)


def test_the_error_says_how_the_child_ended_and_the_next_transcript_gets_a_new_one(open_aligner, behave, hello):
    aligner = open_aligner()
    behave("exits")
    with pytest.raises(PipelineError, match="the aligner ended with exit code 3: a library gave up"):
        aligner.align(hello, recording(), QUIET)
    behave("")
    assert aligner.align(hello, recording(), QUIET).alignment


def test_an_alignment_that_takes_longer_than_the_deadline_fails_and_ends_the_child(open_aligner, behave, hello, log):
    behave("hangs later")
    aligner = open_aligner()
    aligner.align(hello, recording(), QUIET)
    aligner._deadline = Deadline(load_seconds=1.0, per_audio_second=0.1)
    with pytest.raises(PipelineError, match="alignment takes more than 1 s"):
        aligner.align(hello, recording(), QUIET)
    assert [is_running(pid) for pid, *_ in log()] == [False, False], "one child got both requests, and is gone"


def test_cancelling_from_another_thread_ends_the_child_within_two_seconds(open_aligner, behave, hello, log):
    behave("slow")
    aligner, raised = open_aligner(), []

    def align():
        with pytest.raises(Interrupted) as caught:
            aligner.align(hello, recording(), QUIET)
        raised.append(caught.value)

    thread = threading.Thread(target=align)
    thread.start()
    while not log():
        time.sleep(0.01)
    began = time.monotonic()
    aligner.cancel()
    thread.join()
    assert time.monotonic() - began < CANCEL_SECONDS
    assert [str(each) for each in raised] == ["the alignment was cancelled"]


def test_a_closed_aligner_leaves_no_child_descriptor_or_temporary_folder(open_aligner, hello, log):
    before = sorted(Path("/proc/self/fd").iterdir())
    aligner = open_aligner()
    aligner.align(hello, recording(), QUIET)
    ((pid, _, folder),) = log()
    assert Path(folder).is_dir()
    aligner.close()
    assert not Path(folder).exists()
    assert not is_running(pid)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_a_transcriber_that_aligns_transcribes_first(cache, python):
    with AligningTranscriber(cache, TranscriptionOptions(align=True), python, child="support.fake_transcriber") as both:
        made = both.transcribe(recording_with_peak(recording(), 0.3), QUIET)
    assert spans(made) == [(" peak", 0.3, 0.65), (" 1.00", 0.65, 0.8)], "1.00 has a digit, so it keeps its end"
    assert made.alignment.model == ENGLISH
