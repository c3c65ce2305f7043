"""The parsers accept the examples of FORMAT.md, and the committed requests and locks."""

import json
import re
from pathlib import Path

import pytest

from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.lock import CacheLock, lock_path, read_lock
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.pointer import Pointer
from diarize_runner.cache.documents.request import HubSelection, read_request
from diarize_runner.cache.documents.snapshot import LocalFile, WheelMember, commit_hash_of

MANIFESTS = Path(__file__).parents[3] / "cache_manifests"
FORMAT = (MANIFESTS / "FORMAT.md").read_text()
REQUESTS = sorted(MANIFESTS.glob("*.yaml"))
LOCKED = [path for path in REQUESTS if lock_path(path).exists()]


def examples(heading, language):
    """Return the examples under a heading."""
    section = FORMAT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [found.encode() for found in re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)]


def example(heading, language):
    """Return the one example under a heading."""
    (found,) = examples(heading, language)
    return found


def ordered_content(data):
    """Return a JSON document's content with the order of its keys, without its layout."""
    return json.loads(data, object_pairs_hook=list)


READERS = {
    "Lock": lambda data: CacheLock.from_node(canonical.parse(data, "FORMAT.md")),
    "Manifest": lambda data: CacheManifest.from_bytes(data, "FORMAT.md"),
    "Pointer": lambda data: Pointer.from_bytes(data, "FORMAT.md"),
}


@pytest.mark.parametrize("heading", READERS)
def test_each_json_example_is_parsed_and_written_back_with_the_same_keys_in_order(heading):
    read, shown = READERS[heading], example(heading, "json")

    written = read(shown).to_bytes()

    assert ordered_content(written) == ordered_content(shown)
    assert read(written) == read(shown)
    assert read(written).to_bytes() == written


@pytest.mark.parametrize("heading", READERS)
def test_a_document_is_utf8_indented_by_two_spaces_and_ends_with_one_newline(heading):
    written = READERS[heading](example(heading, "json")).to_bytes()

    assert written.decode() == json.dumps(json.loads(written), indent=2, ensure_ascii=False) + "\n"


@pytest.fixture
def requests(tmp_path):
    """The requests in FORMAT.md: one composed of files, one from the Hub."""
    paths = [tmp_path / f"{number}.yaml" for number in range(2)]
    for path, shown in zip(paths, examples("Request", "yaml"), strict=True):
        path.write_bytes(shown)
    return [read_request(path) for path in paths]


def test_the_example_of_a_composed_request_is_parsed(requests):
    request = requests[0]

    (repo,) = request.repos
    assert (request.name, request.pipeline) == ("embedded", repo.repo_id)
    assert (repo.pickle_names, repo.class_names) == ((), ())
    assert (repo.revision, repo.licence) == ("main", "MIT AND Apache-2.0")
    assert {file.path: file.source for file in repo.content} == {
        "config.yaml": LocalFile(path="embedded/config.yaml"),
        "segmentation/pytorch_model.bin": WheelMember(
            requirement="whisperx==3.8.6", member="whisperx/assets/pytorch_model.bin", convert="pyannote-segmentation"
        ),
    }


def test_the_example_of_a_hub_request_is_parsed(requests):
    request = requests[1]

    (repo,) = request.repos
    assert (request.name, request.pipeline) == ("community-1", repo.repo_id)
    assert (repo.repo_id, repo.licence) == ("pyannote/speaker-diarization-community-1", "CC-BY-4.0")
    patterns = ("config.yaml", "segmentation/*", "embedding/*", "plda/*")
    assert repo.content == HubSelection(at="main", allow_patterns=patterns)


def test_format_md_lists_every_conversion():
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| a ", FORMAT, re.MULTILINE)

    assert sorted(listed) == sorted(CONVERSIONS)


@pytest.mark.parametrize("request_path", REQUESTS, ids=[path.stem for path in REQUESTS])
def test_every_committed_request_is_parsed(request_path):
    assert read_request(request_path).name == request_path.stem


def test_every_committed_lock_has_a_request():
    assert {lock_path(path) for path in LOCKED} == set(MANIFESTS.glob("*.lock.json")) != set()


@pytest.mark.parametrize("request_path", LOCKED, ids=[path.stem for path in LOCKED])
def test_every_committed_lock_matches_its_request(request_path):
    request, path = read_request(request_path), lock_path(request_path)

    lock = read_lock(request, path)

    assert lock.to_bytes() == path.read_bytes()
    assert [repo.repo_id for repo in lock.repos] == [repo.repo_id for repo in request.repos]
    for pinned, requested in zip(lock.repos, request.repos, strict=True):
        if isinstance(requested.content, HubSelection):
            assert pinned.hub.allow_patterns == requested.content.allow_patterns
        else:
            assert [file.path for file in pinned.files] == [file.path for file in requested.content]
            assert (pinned.hub, pinned.commit_hash) == (None, commit_hash_of(pinned.files))
