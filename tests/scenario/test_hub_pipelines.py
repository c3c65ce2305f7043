"""pyannote's gated pipelines, from the requests in this repository to speaker turns on a box without token or network.

The Hub is simulated, and the models are twins with random weights; the requests, the client, the archive, the
restored cache, pyannote and its loading are the real ones.
"""

import json

import pytest
import yaml
from support.sites import COMMUNITY_1, PIPELINES, request

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize("name", PIPELINES)
def test_a_gated_pipeline_is_diarized_with_on_a_box_without_token_or_network(site, name):
    done = site.diarize(site.box(name))

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["speakers"] == ["SPEAKER_00"]
    assert said["audio_seconds"] == pytest.approx(11)


def test_what_a_request_leaves_out_is_neither_downloaded_nor_missed(site):
    for name in PIPELINES:
        site.box(name)

    assert site.hub.requests("/resolve/")
    left_out = ["diarization.gif", "handler.py", "example.png", ".gitattributes"]
    assert [path for path in left_out if site.hub.requests(path)] == []


def test_pyannote_issue_2044_a_3_1_cache_without_community_1s_plda_cannot_be_loaded_offline(site):
    """https://github.com/pyannote/pyannote-audio/issues/2044."""
    whole = yaml.safe_load(request("speaker-diarization-3.1"))
    assert whole["repos"].pop()["repo_id"] == COMMUNITY_1
    without = site.take("without-plda", yaml.safe_dump({**whole, "name": "without-plda"}, sort_keys=False))

    done = site.diarize(without)

    assert done.returncode == 1
    assert done.stderr.startswith("error: pyannote/speaker-diarization-3.1: the pipeline cannot be loaded: ")
    assert f"its config.yaml needs {COMMUNITY_1}/plda, which this cache does not hold\nhint: " in done.stderr
    assert site.diarize(site.box("speaker-diarization-3.1")).returncode == 0, "with it, it can"
