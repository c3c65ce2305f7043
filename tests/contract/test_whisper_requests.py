"""This repository's requests of Whisper models cover what the locked faster-whisper knows by name."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest
from support.command import ROOT

from diarize_runner.cache.documents.request import read_request
from diarize_runner.transcription.models import ALIASES, model_name

REQUESTS = {path.stem.removeprefix("whisper-"): path for path in (ROOT / "cache_manifests").glob("whisper-*.yaml")}
TABLE = """
import json, sys
sys.modules["torch"] = None
from unittest.mock import patch
from faster_whisper import utils
with patch("huggingface_hub.snapshot_download") as download:
    utils.download_model("tiny")
print(json.dumps({"repo_ids": utils._MODELS, "patterns": download.call_args.kwargs["allow_patterns"]}))
"""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What faster-whisper knows."""

    repo_ids: dict[str, str]
    """By name; some models have two names."""
    patterns: list[str]
    """Of the files that it downloads."""


@pytest.fixture(scope="module")
def known():
    done = subprocess.run([sys.executable, "-c", TABLE], capture_output=True, text=True, check=True)
    return Known(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def repos():
    return {name: read_request(path).repos for name, path in REQUESTS.items()}


def test_each_model_of_faster_whisper_has_a_request_under_its_name(known, repos):
    requested = {name: repo.repo_id for name, (repo,) in repos.items()}
    assert {ALIASES.get(name, name): repo_id for name, repo_id in known.repo_ids.items()} == requested


def test_the_requests_select_the_files_that_faster_whisper_downloads(known, repos):
    assert {name: list(repo.content.allow_patterns) for name, (repo,) in repos.items()} == dict.fromkeys(
        repos, known.patterns
    )


def test_a_model_has_the_name_that_faster_whisper_gives_it(known):
    assert {name for name, repo_id in known.repo_ids.items() if model_name(repo_id) != name} <= ALIASES.keys()


def test_an_alias_of_faster_whisper_is_one_here(known):
    assert {known.repo_ids[alias] for alias in ALIASES if alias in known.repo_ids} == {
        known.repo_ids[ALIASES[alias]] for alias in ALIASES if alias in known.repo_ids
    }
