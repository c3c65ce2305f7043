"""Word errors of `run`, and of whisperX's speaker assignment on the same transcripts and speaker turns."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import WHISPERX_ENVIRONMENT
from benchmarks.transcription.environments import WORD_ERRORS_ENVIRONMENT, ask
from benchmarks.transcription.recordings import KnownRecording
from benchmarks.transcription.words import by_segments, by_words, count_words, total_rate
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import NO_HINTS
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import Job
from diarize_runner.jobs.provenance import transcription_reference
from diarize_runner.jobs.transcribing import open_transcriber
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import whisperx
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

BATCH_SIZES = (1, 8)
"""1: one chunk after the other, each with the text before it as context; 8 is the default of `run`."""
OURS, WHISPERX = "run", "whisperx"
_VIEWS = {"segments": by_segments, "words": by_words}
_METRICS = ("wer", "cpwer", "tcpwer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A recording that was transcribed with one batch size, labelled by both programs."""

    recording: KnownRecording
    batch_size: int
    by_program: Mapping[str, Any]
    """JSON as whisperX writes it."""


def measure_accuracy(
    cache: VerifiedCache, diarizer: Diarizer, recordings: Sequence[KnownRecording]
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """Return a row for each batch size, program and view, and the versions of the packages that scored."""
    drafts = [draft for size in BATCH_SIZES for draft in _drafts(cache, diarizer, recordings, size)]
    questions = [question for _, question in drafts]
    answer = ask(WHISPERX_ENVIRONMENT, "label_whisperx.py", {"items": questions})
    labelled = [
        replace(draft, by_program={**draft.by_program, WHISPERX: theirs})
        for (draft, _), theirs in zip(drafts, answer["labelled"], strict=True)
    ]
    scores = ask(WORD_ERRORS_ENVIRONMENT, "score.py", {"recordings": [*map(_question, labelled)]})
    return [*rows(labelled, scores["recordings"])], answer["packages"] | scores["packages"]


def score_files(reference: Path, files: Mapping[str, Path]) -> dict[str, dict[str, object]]:
    """Return the number of segments and the rates by segments of labelled JSON files, by name."""
    documents = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}
    hypotheses = {name: by_segments(document) for name, document in documents.items()}
    question = {"reference": str(reference), "hypotheses": hypotheses}
    (scores,) = ask(WORD_ERRORS_ENVIRONMENT, "score.py", {"recordings": [question]})["recordings"]
    return {
        name: {"segments": len(documents[name]["segments"])}
        | {metric: total_rate([found[metric]]) for metric in _METRICS}
        for name, found in scores.items()
    }


def _drafts(
    cache: VerifiedCache, diarizer: Diarizer, recordings: Iterable[KnownRecording], batch_size: int
) -> Iterator[tuple[Labelled, dict[str, object]]]:
    """Yield each recording as `run` labels it, and the input of whisperX's assignment."""
    options = TranscriptionOptions(device="cpu", batch_size=batch_size)
    with open_transcriber(cache, options) as transcriber:
        for each in recordings:
            yield _draft(each, diarizer, transcriber)


def _draft(recording: KnownRecording, diarizer: Diarizer, transcriber: Transcriber) -> tuple[Labelled, dict[str, Any]]:
    loaded = Job(audio=AudioFile(path=recording.audio)).load()
    made = transcriber.transcribe(loaded.recording, NoProgress())
    transcribed = replace(loaded, transcript=made.transcript, transcription=transcription_reference(made))
    labelled = transcribed.label(diarizer.diarize(loaded.recording, NO_HINTS, NoProgress()))
    draft = Labelled(
        recording=recording,
        batch_size=transcriber.requested.batch_size,
        by_program={OURS: json.loads(whisperx.render(labelled))},
    )
    turns = [(turn.start, turn.end, turn.speaker) for turn in labelled.diarization.turns]
    return draft, {"transcript": json.loads(made.document), "turns": turns}


def _question(labelled: Labelled) -> dict[str, object]:
    hypotheses = {
        f"{program} {view}": utterances(document)
        for program, document in labelled.by_program.items()
        for view, utterances in _VIEWS.items()
    }
    return {"reference": str(labelled.recording.reference), "hypotheses": hypotheses}


def rows(labelled: Sequence[Labelled], scores: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    """Yield a row for each batch size, program and view, over all recordings; `scores` are in the same order."""
    scored = [*zip(labelled, scores, strict=True)]
    for size, program, view in product(BATCH_SIZES, (OURS, WHISPERX), _VIEWS):
        of_size = [(each.by_program[program], score) for each, score in scored if each.batch_size == size]
        counts = [count_words(document) for document, _ in of_size]
        found = [score[f"{program} {view}"] for _, score in of_size]
        yield {
            "batch_size": size,
            "labelled_by": program,
            "speakers_of": view,
            "words": sum(words for words, _ in counts),
            "words_without_speaker": sum(without for _, without in counts),
            **{metric: total_rate([each[metric] for each in found]) for metric in _METRICS},
        }
