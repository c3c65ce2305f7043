"""Multilingual models with 80 and 128 mels: from this repository's requests to transcripts on a box without network.

The Hub is simulated, and the weights are random. Requests, client, archive, cache, faster-whisper and ctranslate2 are
real.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

import pytest
from support.command import ROOT, closed_port, run, succeed, without_network
from support.hub_simulator import running_hub
from support.tiny_request import REQUEST
from support.whisper_models import DETECTED, whisper_files

from diarize_runner.cache.box.open import open_cache
from diarize_runner.errors import UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.transcription.models import find_models
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

pytestmark = pytest.mark.scenario

RATE = 16_000
SAMPLE = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")
TINY, LARGE = "Systran/faster-whisper-tiny", "Systran/faster-whisper-large-v3"
MODELS = {
    TINY: whisper_files,
    LARGE: lambda: whisper_files(mels=128, languages=100, vocabulary="vocabulary.json"),
}
UNUSED = {"README.md": b"# A model\n", ".gitattributes": b"*.bin filter=lfs diff=lfs merge=lfs -text\n"}
REQUESTS = ["tiny.yaml", "whisper-tiny.yaml", "whisper-large-v3.yaml"]
GROWTH = 4 << 20
"""Bytes that 25 recordings may add; one copy of the samples of each would add 16 MB."""
LOAD_BY_NAME = """
import json, sys
sys.modules["torch"] = None
from faster_whisper import WhisperModel
models = {name: WhisperModel(name, device="cpu", local_files_only=True) for name in ("tiny", "large-v3", "large")}
print(json.dumps({name: [model.model.is_multilingual, model.model.n_mels] for name, model in models.items()}))
"""


@pytest.fixture(scope="module")
def repos():
    return {repo_id: make() for repo_id, make in MODELS.items()}


@pytest.fixture(scope="module")
def box(repos, tmp_path_factory):
    """A box with both models in one version with a pipeline."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "tiny.yaml").write_text(REQUEST)
    (folder / "config.yaml").write_text("pipeline: {name: pyannote.audio.pipelines.SpeakerDiarization}\n")
    (folder / "requirements.txt").write_text("nothing==1\n")
    for name in REQUESTS[1:]:
        shutil.copy(ROOT / "cache_manifests" / name, folder)
    requests, store = [folder / name for name in REQUESTS], (folder / "store").as_uri()
    build = ["--version", "1.0", "--requirements", folder / "requirements.txt", "--out", folder / "built"]
    with running_hub() as hub:
        for repo_id, files in repos.items():
            hub.repo(repo_id, {**files, **UNUSED})
        online = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "home")}
        for request in requests:
            succeed("cache", "resolve", request, **online)
        succeed("cache", "build", *requests, *build, **online)
    succeed("cache", "publish", folder / "built", "--store", store)
    succeed("cache", "restore", "--store", store, "--into", folder / "box")
    return folder / "box"


@pytest.fixture(scope="module")
def cache(box):
    return open_cache(box, NoProgress())


@pytest.fixture(scope="module")
def speech(phone_call):
    """Ten seconds that begin with a voice."""
    return replace(phone_call, waveform=phone_call.waveform[7 * RATE : 17 * RATE])


@pytest.fixture(scope="module")
def transcribe(cache, speech):
    """Return a function that transcribes the speech with some options."""

    def transcribe(**options):
        with Transcriber(cache, TranscriptionOptions(device="cpu", **options)) as transcriber:
            return transcriber.transcribe(speech, NoProgress())

    return transcribe


def test_the_box_has_the_files_that_faster_whisper_needs_and_no_others(cache, repos):
    listed = {repo.repo_id: {file.path for file in repo.files} for repo in cache.manifest.repos}
    assert {repo_id: listed[repo_id] for repo_id in MODELS} == {repo_id: set(files) for repo_id, files in repos.items()}


def test_the_real_faster_whisper_loads_each_model_by_its_names_offline(box, cache):
    environment = {
        **os.environ,
        "HF_HOME": str(box / "current/huggingface"),
        "HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}",
    }
    command = [*without_network(), sys.executable, "-c", LOAD_BY_NAME]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"tiny": [True, 80], "large-v3": [True, 128], "large": [True, 128]}
    assert all(model.is_multilingual(cache) for model in find_models(cache.manifest))


@pytest.mark.parametrize("name", ["tiny", "large-v3"])
def test_the_detected_language_is_reported(transcribe, name):
    made = transcribe(model=name)
    assert (made.model.name, made.transcript.language) == (name, DETECTED)
    assert any(segment.words for segment in made.transcript.segments)


def test_a_requested_language_is_not_detected(transcribe):
    assert transcribe(language="French").transcript.language == "fr"


def test_a_multilingual_model_translates(transcribe):
    made, translated = transcribe(language="German"), transcribe(language="German", task="translate")
    assert translated.transcript.language == "de"
    assert translated.transcript.segments
    assert translated.document != made.document


def test_faster_whisper_1055_memory_stays_flat_over_50_recordings(cache, speech):
    """Memory leak: https://github.com/SYSTRAN/faster-whisper/issues/1055. A small model takes the same path, sooner."""
    with Transcriber(cache, TranscriptionOptions(model="tiny", device="cpu")) as transcriber:
        sizes = []
        for recordings in (10, 25, 25):
            for _ in range(recordings):
                transcriber.transcribe(speech, NoProgress())
            sizes.append(resident(transcriber))
    growths = [after - before for before, after in pairwise(sizes)]
    assert min(growths) < GROWTH, "a leak grows in both halves, threads of the allocator only once"


def resident(transcriber):
    """Return the memory of the child process."""
    statm = Path(f"/proc/{transcriber._process._process.pid}/statm").read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_whisperx_559_numbers_have_times(transcribe):
    """Missing timestamps for numbers: https://github.com/m-bain/whisperX/issues/559. Each word here has digits."""
    words = [word for segment in transcribe(model="tiny").transcript.segments for word in segment.words]
    assert any(character.isdigit() for word in words for character in word.text)
    assert all(word.end > word.start and not word.interpolated for word in words)


def test_large_names_the_latest_large_model(cache):
    assert Transcriber(cache, TranscriptionOptions(model="large")).model.repo.repo_id == LARGE


def test_the_hint_names_the_nearest_model_of_the_cache(cache):
    with pytest.raises(UsageError, match=r"holds no model 'large-v2'") as raised:
        Transcriber(cache, TranscriptionOptions(model="large-v2"))
    assert raised.value.hint == "did you mean large-v3?"


def test_the_command_transcribes_german_without_network(box):
    done = run(
        *("transcribe", SAMPLE, "--cache", box, "--model", "large", "--language", "German", "--device", "cpu"),
        isolated=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"with {LARGE} in int8 on cpu" in done.stderr
    assert "language: de" in done.stderr
