"""pyannote's gated pipelines, from this repository's requests to speaker turns on a box without token or network.

The Hub is simulated, and the models are twins with random weights. The requests, the client, the archive, the
restored cache and pyannote's loading are real.
"""

import json

import pytest
import yaml
from support.sites import COMMUNITY_1, PIPELINES, request

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize("name", PIPELINES)
def test_a_gated_pipeline_diarizes_on_a_box_without_token_or_network(site, name):
    done = site.diarize(site.box(name))

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["speakers"] == ["SPEAKER_00"]
    assert result["audio_seconds"] == pytest.approx(11)


def test_files_that_a_request_excludes_are_not_downloaded(site):
    for name in PIPELINES:
        site.box(name)

    assert site.hub.requests("/resolve/")
    excluded = ["diarization.gif", "handler.py", "example.png", ".gitattributes"]
    assert [path for path in excluded if site.hub.requests(path)] == []


def test_pyannote_issue_2044_a_3_1_cache_without_community_1s_plda_cannot_be_loaded_offline(site):
    """https://github.com/pyannote/pyannote-audio/issues/2044."""
    document = yaml.safe_load(request("speaker-diarization-3.1"))
    assert document["repos"].pop()["repo_id"] == COMMUNITY_1
    without_plda = site.take("without-plda", yaml.safe_dump({**document, "name": "without-plda"}, sort_keys=False))

    done = site.diarize(without_plda)

    assert done.returncode == 1
    assert done.stderr.startswith("error: pyannote/speaker-diarization-3.1: the pipeline cannot be loaded: ")
    assert f"its config.yaml needs {COMMUNITY_1}/plda, which this cache does not hold\nhint: " in done.stderr
    assert site.diarize(site.box("speaker-diarization-3.1")).returncode == 0, "with the PLDA, it loads"
