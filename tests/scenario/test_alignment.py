"""whisperX aligns with models of a restored cache, offline: through our child process, and as a client of its own.

`make test-alignment` creates whisperX's environment and runs these tests. The alignment models have random weights of
the right shape; the transcription model, the voices and NLTK's data are real.
"""

import json
import os
import shutil
import subprocess
from importlib.metadata import distribution

import pytest
import yaml
from support.alignment import ENGLISH, GERMAN, segment, transcription
from support.command import ROOT, closed_port, run, succeed, without_network
from support.hub_simulator import running_hub
from support.transcription import recording

from diarize_runner.alignment.aligner import Aligner
from diarize_runner.alignment.environment import VARIABLE, VERSION
from diarize_runner.alignment.models import select_alignment_model
from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.documents import layout
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress

PYTHON = ROOT / ".alignment/bin/python"
pytestmark = [
    pytest.mark.scenario,
    pytest.mark.skipif(
        not PYTHON.exists() and "DIARIZE_RUNNER_REQUIRE_ALIGNMENT" not in os.environ,
        reason="whisperX is not installed: make test-alignment",
    ),
]

REQUIREMENTS = ROOT / "requirements/requirements-diarization.txt"
SAMPLE = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")
MAKE_MODELS = """
import json, sys, torch
from pathlib import Path
from transformers import (
    Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, Wav2Vec2Processor
)

for folder, letters, weights in ((sys.argv[1], "'", "safetensors"), (sys.argv[2], "äöüß", "bin")):
    Path(folder).mkdir(parents=True)
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz".upper(), *letters.upper()]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    Path(folder, "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(f"{folder}/vocab.json")
    features = Wav2Vec2FeatureExtractor(return_attention_mask=False)
    Wav2Vec2Processor(features, tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        conv_dim=(32,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, pad_token_id=0,
    )
    model = Wav2Vec2ForCTC(config)
    if weights == "bin":
        config.save_pretrained(folder)
        torch.save(model.state_dict(), f"{folder}/pytorch_model.bin")
    else:
        model.save_pretrained(folder)
"""
WHISPERX = """
import json, sys, wave
import numpy as np
import whisperx

with wave.open(sys.argv[1]) as file:
    samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768
model = whisperx.load_model("tiny.en", "cpu", compute_type="int8", threads=1)
found = model.transcribe(samples, batch_size=4)
aligner, metadata = whisperx.load_align_model("en", "cpu", model_name=sys.argv[2])
aligned = whisperx.align(found["segments"], aligner, metadata, samples, "cpu")
json.dump({"text": [each["text"] for each in found["segments"]], "words": aligned["word_segments"]}, sys.stdout)
"""
WAV2VEC2_FILES = ["config.json", "preprocessor_config.json", "special_tokens_map.json", "tokenizer_config.json"]
QUIET = NoProgress()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The files of two models, by repository: one in safetensors, one as a checkpoint of torch."""
    folder = tmp_path_factory.mktemp("models")
    folders = {ENGLISH: folder / "en", GERMAN: folder / "de"}
    subprocess.run([PYTHON, "-W", "ignore", "-c", MAKE_MODELS, *folders.values()], check=True)
    return {repo_id: {path.name: path.read_bytes() for path in place.iterdir()} for repo_id, place in folders.items()}


@pytest.fixture(scope="module")
def box(tmp_path_factory, models):
    """The embedded cache with both models, resolved on a Hub, built, published and restored."""
    folder = tmp_path_factory.mktemp("aligned")
    for name in ("align-en.yaml", "embedded.yaml", "embedded.lock.json", "nltk-punkt.yaml", "nltk-punkt.lock.json"):
        shutil.copy(ROOT / "cache_manifests" / name, folder)
    for name in ("embedded", "nltk-punkt"):
        shutil.copytree(ROOT / "cache_manifests" / name, folder / name)
    german = {
        "repo_id": GERMAN,
        "revision": "main",
        "licence": "Apache-2.0",
        "hub": {"allow_patterns": [*WAV2VEC2_FILES, "vocab.json", "pytorch_model.bin"]},
    }
    head = {"format": "diarize-runner/request/1", "name": "align-de"}
    (folder / "align-de.yaml").write_text(yaml.safe_dump({**head, "repos": [german]}))
    requests = [folder / f"{name}.yaml" for name in ("embedded", "align-en", "align-de", "nltk-punkt")]
    with running_hub() as hub:
        for repo_id, files in models.items():
            hub.repo(repo_id, {**files, "README.md": b"# Random weights\n"})
        online = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
        for request in requests[1:3]:
            succeed("cache", "resolve", request, **online)
        settings = ["--version", "1.0", "--requirements", REQUIREMENTS, "--out", folder / "built"]
        succeed("cache", "build", *requests, *settings, **online)
    store = (folder / "store").as_uri()
    succeed("cache", "publish", folder / "built", "--store", store)
    succeed("cache", "restore", "--store", store, "--into", folder / "box")
    return folder / "box"


@pytest.fixture(scope="module")
def cache(box):
    return open_cache(box, QUIET)


@pytest.fixture(scope="module")
def aligner(cache):
    aligner = Aligner(cache, PYTHON)
    yield aligner
    aligner.close()


def run_with(box, folder, *options):
    """Return the JSON of `run` on the sample, without a network."""
    out = folder / "sample.json"
    settings = ["--cache", box, "-o", out, "--device", "cpu"]
    done = run("run", SAMPLE, *settings, *options, isolated=True, **{VARIABLE: str(PYTHON)})
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def words_of(document):
    return [word for each in document["segments"] for word in each["words"]]


def test_run_aligns_every_word_of_the_sample_within_its_segment_and_says_with_what(box, cache, tmp_path):
    plain, aligned = run_with(box, tmp_path), run_with(box, tmp_path, "--align")

    assert [word["word"] for word in words_of(aligned)] == [word["word"] for word in words_of(plain)]
    assert len(words_of(aligned)) > 60
    for each in aligned["segments"]:
        assert all(each["start"] <= word["start"] <= word["end"] <= each["end"] for word in each["words"])
    moved = [word["start"] != before["start"] for word, before in zip(words_of(aligned), words_of(plain), strict=True)]
    assert sum(moved) > len(moved) / 2, "the times are those of the aligner"
    made = aligned["provenance"]["transcription"]["alignment"]
    (repo,) = [repo for repo in cache.manifest.repos if repo.repo_id == ENGLISH]
    assert (made["model"], made["commit_hash"], made["device"]) == (ENGLISH, repo.commit_hash, "cpu")
    assert made["packages"]["whisperx"] == VERSION
    assert made["packages"]["torch"] != aligned["provenance"]["packages"]["torch"]
    assert "alignment" not in plain["provenance"]["transcription"]


def test_a_checkpoint_of_torch_aligns_too_in_another_language(aligner, cache):
    said = segment(0.5, 4.5, " Schöne", " Grüße", " aus", " 25", " Städten", "!")
    made = aligner.align(transcription(cache, [said], "de"), recording(seconds=5), QUIET)
    (found,) = made.transcript.segments
    assert (made.alignment.model, made.transcript.warnings) == (GERMAN, ("it is short",))
    assert [word.text for word in found.words] == [word["word"] for word in said["words"]]
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= found.start
    assert times[-1] <= found.end
    assert times[1] != said["end"]


def test_a_text_too_long_for_its_time_keeps_the_times_of_whisper(aligner, cache):
    said = segment(1.0, 1.1, " Donaudampfschifffahrtsgesellschaftskapitänsmütze")
    made = aligner.align(transcription(cache, [said], "de"), recording(seconds=5), QUIET)
    assert [(word.start, word.end) for word in made.transcript.segments[0].words] == [(1.0, 1.1)]
    assert made.transcript.warnings[-1].startswith("1 of 1 segments could not be aligned")


def test_a_model_that_changed_after_the_verification_is_not_loaded(cache):
    model = select_alignment_model(cache.manifest, "en")
    blob = cache.root / layout.blob_path(model.repo.repo_id, model.files["model.safetensors"].content.digest)
    right, aligner = blob.read_bytes(), Aligner(cache, PYTHON)
    try:
        blob.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        with pytest.raises(IntegrityError, match="has changed since it was verified"):
            aligner.align(transcription(cache, [segment(0, 1, " Hello")]), recording(), QUIET)
    finally:
        aligner.close()
        blob.write_bytes(right)


def test_whisperx_itself_transcribes_and_aligns_from_the_restored_cache_offline(cache, tmp_path):
    (punkt,) = [repo for repo in cache.manifest.repos if repo.repo_id == "diarize-runner/nltk-punkt"]
    data = shutil.copytree(cache.root / layout.snapshot_folder(punkt), tmp_path / "nltk")  # NLTK follows no link
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    offline = {
        "HF_HUB_CACHE": str(cache.root / layout.HF_HOME / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}",
        "NLTK_DATA": str(data),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [*without_network(), PYTHON, "-W", "ignore", "-c", WHISPERX, SAMPLE, ENGLISH],
        env={**clean, **offline},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index('{"text"') :])
    assert "hello" in " ".join(found["text"]).lower()
    assert len(found["words"]) > 60
    assert all("start" in word and "end" in word for word in found["words"])
