"""A model process without models, which runs as `python -m support.fake_models`.

It answers the protocol of the real one, and writes the same files: two speakers take turns of two seconds, and say a
word each. A recording without a sound has no speakers. The speakers have the voices of "ada" and "bo" in
`support.voices`. The name of a recording can ask for more:

    crash.wav    the process dies
    hang.wav     it does nothing until it is killed
    hang-once.wav  as hang.wav in its first attempt
    fail.wav     the job fails with a message
    slow.wav     it works for three seconds, with progress
    brief.wav    it works for a third of a second, with progress
"""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path, PurePath

from diarize_runner.diarization.turns import SPEECH, Diarization, SpeakerTurn
from diarize_runner.diarization.voices import SpeakerVoice
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import PipelineError
from diarize_runner.jobs.job import DiarizationTask, Job, Result, SpeechDetectionTask
from diarize_runner.jobs.stage_timer import Timing
from diarize_runner.jobs.transcribing import _without_speakers
from diarize_runner.service.folder import JobFolder
from diarize_runner.service.recording import DecodedUpload
from diarize_runner.service.work import Work
from diarize_runner.service.workers.model_process import _sending_errors, _UploadedAudio
from diarize_runner.service.workers.models import model_program
from diarize_runner.service.workers.naming import SpeakerNaming
from diarize_runner.service.workers.protocol import Finished, JobRequest, Loaded, Progressed, encode_event
from diarize_runner.service.workers.results import render, write_result
from diarize_runner.transcript.formats.provenance import CacheReference, Provenance, TranscriptionReference
from diarize_runner.transcript.model import Segment, Transcript, Word
from diarize_runner.transcription.answering import Answering, answer_requests
from diarize_runner.transcription.protocol import Failed

TURN = 2.0
"""Seconds."""
_STEPS = {"slow": 30, "brief": 3}
"""Of a tenth of a second each."""
_DIGEST = hash_bytes(b"fake").digest


def program():
    return model_program("support.fake_models")


def main():
    answer_requests(
        Answering(
            task="loading",
            decode=JobRequest.decode,
            load=lambda settings, _emit: _Loaded(settings),
            answer=_answer,
            encode=encode_event,
            errors=(OSError, ValueError),
        )
    )


class _Loaded:
    def __init__(self, settings):
        self.request = settings


def _answer(_models, request, _samples, emit):
    emit(Loaded(device="cpu", engine="exact", load_seconds=0.0))
    folder, work = JobFolder(path=Path(request.folder)), Work.decode(request.work)
    _misbehave(PurePath(work.name).stem, emit)
    _hang_once(PurePath(work.name).stem, folder, emit)
    if PurePath(work.name).stem == "fail":
        emit(Failed.of(PipelineError("the pipeline failed on it", hint="try another")))
        return
    emit(Progressed(stage="embeddings", completed=1, total=2))
    with _sending_errors(folder, emit):
        write_result(request.result_folder, render(work.task, _result(folder, work, request.load)))
        emit(Finished(processing_seconds=0.5, memory_bytes=1 << 20))


def _hang_once(name, folder, emit):
    mark = folder.path / "tried"
    if name == "hang-once" and not mark.exists():
        mark.touch()
        _misbehave("hang", emit)


def _misbehave(name, emit):
    if name == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hang":
        emit(Progressed(stage="embeddings", completed=0, total=2))
        time.sleep(600)
    for step in range(_STEPS.get(name, 0)):
        emit(Progressed(stage="segmentation", completed=step, total=_STEPS[name]))
        time.sleep(0.1)


def _result(folder, work, settings):
    upload = DecodedUpload.decode(folder.recording.read_bytes())
    task = SpeechDetectionTask() if work.task == "vad" else DiarizationTask(hints=work.hints)
    audio = _UploadedAudio(name=work.name, upload=upload, samples=folder.samples)
    loaded = Job(audio=audio, transcript=folder.transcript if work.has_transcript else None, task=task).load()
    if work.transcription_model:
        loaded = replace(loaded, transcript=_transcript(loaded.recording), transcription=_transcription(work))
    labelled = _without_speakers(loaded) if work.task == "transcribe" else loaded.label(_diarize(loaded, work))
    timing = Timing(
        uri=upload.uri, audio_seconds=loaded.recording.duration, estimated_seconds=None, processing_seconds=0.5
    )
    result = Result(labelled=labelled, provenance=_provenance(loaded, work), timing=timing)
    if not work.names_speakers:
        return result
    naming = SpeakerNaming(settings=settings, folder=folder, work=work)
    return naming.session(_Ran(result), _Quiet()).run(loaded, _Quiet())


class _Ran:
    """A session that has run."""

    def __init__(self, result):
        self.result, self.diarizer = result, _Voices()

    def run(self, _loaded, _progress):
        return self.result


class _Voices:
    """A diarizer that embeds speakers by their labels, and references by the pitch of their tones."""

    device = "cpu"

    @property
    def embedding_model(self):
        from support.voices import MODEL  # here: hosts of tests have this module alone

        return MODEL

    def detect_speech(self, recording, _progress):
        turns = (SpeakerTurn(start=0.0, end=recording.duration, speaker=SPEECH),) if recording.waveform.any() else ()
        return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)

    def embed_speakers(self, recording, diarization, _progress):
        from support.voices import PITCHES, embedding_of, embedding_of_tone

        if diarization.speakers == (SPEECH,):
            voice = SpeakerVoice(embedding=embedding_of_tone(recording.waveform), seconds=recording.duration)
            return {SPEECH: voice}
        people = zip(diarization.speakers, PITCHES, strict=False)
        return {label: SpeakerVoice(embedding=embedding_of(person), seconds=TURN) for label, person in people}


class _Quiet:
    def print_line(self, line):
        pass

    def advance(self, stage, **_counts):
        pass


def _diarize(loaded, work):
    recording = loaded.recording
    turns = tuple(
        SpeakerTurn(
            start=start,
            end=min(start + TURN, recording.duration),
            speaker=SPEECH if work.task == "vad" else f"SPEAKER_{number % 2:02d}",
        )
        for number, start in enumerate(_starts(recording))
    )
    return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)


def _starts(recording):
    if not recording.waveform.any():
        return []
    return [
        number * TURN for number in range(int(recording.duration // TURN) + 1) if number * TURN < recording.duration
    ]


def _transcript(recording):
    segments = tuple(
        Segment(
            start=start,
            end=start + 1,
            text=f"Word {number}.",
            words=(Word(start=start, end=start + 1, text=f"Word {number}."),),
        )
        for number, start in enumerate(_starts(recording))
    )
    return Transcript(segments=segments, digest=_DIGEST, language="en")


def _transcription(work):
    return TranscriptionReference(
        model=work.transcription_model,
        commit_hash="0" * 40,
        device="cpu",
        compute_type="int8",
        batch_size=1,
        language=work.language,
        task="transcribe",
        vad=True,
        words=True,
        packages={},
    )


def _provenance(loaded, work):
    return Provenance(
        tool="fake",
        cache=CacheReference(name="fake", version="1", manifest=_DIGEST, requirements=_DIGEST),
        engine="exact",
        device="cpu",
        packages={},
        audio=loaded.recording.digest,
        audio_seconds=loaded.recording.duration,
        transcript=loaded.transcript.digest,
        hints=work.hints,
        transcription=loaded.transcription,
    )


if __name__ == "__main__":
    main()
