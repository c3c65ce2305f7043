"""The parsers refuse a malformed request, lock, manifest or pointer with an error that names the location."""

import copy
import json
import re
from datetime import date

import pytest
import yaml
from support.caches import PIPELINE, TINY, WEIGHTS, edit_json, write_lock, write_request

from diarize_runner.cache.builder.resolve import resolve
from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.lock import CacheLock, lock_path, read_lock
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.pointer import Pointer
from diarize_runner.cache.documents.request import read_request
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ManifestError, SourceError, UnsupportedFormat
from diarize_runner.progress import NoProgress

REMOVE = object()
LONE_SURROGATE = "\ud800"


@pytest.fixture(scope="module")
def valid_documents(large):
    """A valid document of each kind, as parsed JSON or YAML."""
    store_folder = large.folder / "store"
    if not store_folder.exists():
        large.publish_built()
    request = large.folder / "tiny.yaml"
    return {
        "request": yaml.safe_load(request.read_bytes()),
        "lock": json.loads(lock_path(request).read_bytes()),
        "manifest": json.loads((store_folder / "v1.0" / "manifest.json").read_bytes()),
        "pointer": json.loads((store_folder / "latest" / "manifest.json").read_bytes()),
    }


def replace_value(document, keys, value):
    """Return a copy of `document` with `value` at the path `keys`, or without that entry for REMOVE."""
    document = copy.deepcopy(document)
    *parents, last = keys
    container = document
    for key in parents:
        container = container[key]
    if value is REMOVE:
        del container[last]
    else:
        container[last] = value
    return document


def read_as_request(document, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return read_request(path)


READERS = {
    "request": read_as_request,
    "lock": lambda document, _: CacheLock.from_node(canonical.parse(json.dumps(document).encode(), "a.lock.json")),
    "manifest": lambda document, _: CacheManifest.from_bytes(json.dumps(document).encode(), "manifest.json"),
    "pointer": lambda document, _: Pointer.from_bytes(json.dumps(document).encode(), "latest"),
}

FIRST = ("repos", 0)
FILE = ("repos", 0, "files", 3)
OF_FILE = "'repos[0].files[3]"
REQUESTED = ("repos", 0, "files", "config.yaml")
BLOB = ("archive", "blobs", 2)
EMPTY_BLOB = f"huggingface/hub/models--acme--speaker-diarization/blobs/{hash_bytes(b'').digest.hex}"
NOT_A_PIN = "is not a pinned requirement such as 'whisperx==3.8.6' in 'repos[0].files.config.yaml.wheel'"
NOT_A_VERSION = "is not a version such as '1.0' in 'version'"

FAULTS = {
    # kind, keys, value, the error after the document's name
    "request, unknown key": ("request", ("pipelin",), "x", "unknown key 'pipelin'"),
    "request, unknown key in a repo": ("request", (*FIRST, "license"), "x", "unknown key 'license' in 'repos[0]'"),
    "request, missing key": ("request", (*FIRST, "licence"), REMOVE, "missing key 'licence' in 'repos[0]'"),
    "request, missing format": ("request", ("format",), REMOVE, "missing key 'format'"),
    "request, a list for a repo": ("request", FIRST, [], "expected an object, not list in 'repos[0]'"),
    "request, an object for the repos": ("request", ("repos",), {}, "expected a list, not dict in 'repos'"),
    "request, no repos": ("request", ("repos",), [], f"'{PIPELINE}' is not among the repos in 'pipeline'"),
    "request, a name in capitals": (
        "request",
        ("name",),
        "Tiny",
        "'Tiny' is not a name of lower-case letters, digits, '-' and '.' in 'name'",
    ),
    "request, a date for a licence": (
        "request",
        (*FIRST, "licence"),
        date(2026, 1, 1),
        "expected a string, not date in 'repos[0].licence'",
    ),
    "request, null for a source": (
        "request",
        REQUESTED,
        None,
        "expected an object, not NoneType in 'repos[0].files.config.yaml'",
    ),
    "request, two sources": (
        "request",
        REQUESTED,
        {"local": "a", "wheel": "b==1"},
        "unknown key 'wheel' in 'repos[0].files.config.yaml'",
    ),
    "request, a wheel without a member": (
        "request",
        REQUESTED,
        {"wheel": "b==1"},
        "missing key 'member' in 'repos[0].files.config.yaml'",
    ),
    "request, a wheel without a pin": (
        "request",
        REQUESTED,
        {"wheel": "b>=1", "member": "a"},
        f"'b>=1' {NOT_A_PIN}",
    ),
    "request, an option in a wheel": (
        "request",
        REQUESTED,
        {"wheel": "b==1 --index-url=http://x", "member": "a"},
        f"'b==1 --index-url=http://x' {NOT_A_PIN}",
    ),
    "request, a local file above the request": (
        "request",
        REQUESTED,
        {"local": "../config.yaml"},
        "not a plain relative path: '../config.yaml' in 'repos[0].files.config.yaml.local'",
    ),
    "request, a number as a path": (
        "request",
        (*FIRST, "files", 1),
        {"local": "a"},
        "the key 1 is not a string in 'repos[0].files'",
    ),
    "request, a branch that leaves refs/": (
        "request",
        (*FIRST, "revision"),
        "refs/../../blobs",
        "'refs/../../blobs' is not a branch name in 'repos[0].revision'",
    ),
    "request, an absolute branch": (
        "request",
        (*FIRST, "revision"),
        "/main",
        "'/main' is not a branch name in 'repos[0].revision'",
    ),
    "request, a branch that is a folder": (
        "request",
        (*FIRST, "revision"),
        "fix/",
        "'fix/' is not a branch name in 'repos[0].revision'",
    ),
    "request, a long branch of short parts": (
        "request",
        (*FIRST, "revision"),
        "b/" * 48 + "b",
        f"'{'b/' * 48}b' is not a branch name in 'repos[0].revision'",
    ),
    "request, a branch of 97 characters": (
        "request",
        (*FIRST, "revision"),
        "b" * 97,
        f"'{'b' * 97}' is not a branch name in 'repos[0].revision'",
    ),
    "request, a repository name of 97 characters": (
        "request",
        (*FIRST, "repo_id"),
        f"a/{'b' * 97}",
        f"'a/{'b' * 97}' is not a repo_id such as 'organisation/name' in 'repos[0].repo_id'",
    ),
    "lock, unknown key": ("lock", (*FILE, "sise"), 1, f"unknown key 'sise' in {OF_FILE}'"),
    "lock, missing key": ("lock", (*FILE, "digest"), REMOVE, f"missing key 'digest' in {OF_FILE}'"),
    "lock, text for a size": ("lock", (*FILE, "size"), "12", f"expected a whole number, not str in {OF_FILE}.size'"),
    "lock, a boolean for a size": (
        "lock",
        (*FILE, "size"),
        True,
        f"expected a whole number, not bool in {OF_FILE}.size'",
    ),
    "lock, a fraction for a size": (
        "lock",
        (*FILE, "size"),
        1.5,
        f"expected a whole number, not float in {OF_FILE}.size'",
    ),
    "lock, a negative size": ("lock", (*FILE, "size"), -1, f"-1 is out of range in {OF_FILE}.size'"),
    "lock, a size of 2**63": (
        "lock",
        (*FILE, "size"),
        1 << 63,
        f"9223372036854775808 is out of range in {OF_FILE}.size'",
    ),
    "lock, a number for a digest": ("lock", (*FILE, "digest"), 5, f"expected a string, not int in {OF_FILE}.digest'"),
    "lock, another algorithm": (
        "lock",
        (*FILE, "digest"),
        "md5:" + "0" * 32,
        f"not a sha256 digest: 'md5:{'0' * 32}' in {OF_FILE}.digest'",
    ),
    "lock, a digest in capitals": (
        "lock",
        (*FILE, "digest"),
        "sha256:" + "A" * 64,
        f"not 64 lower-case hexadecimal digits: '{'A' * 64}' in {OF_FILE}.digest'",
    ),
    "lock, a digest with a newline": (
        "lock",
        (*FILE, "digest"),
        "sha256:" + "a" * 64 + "\n",
        f"not 64 lower-case hexadecimal digits: '{'a' * 64}\\n' in {OF_FILE}.digest'",
    ),
    "lock, an unpinned wheel": (
        "lock",
        (*FILE, "source"),
        {"wheel": "a==1", "member": "b"},
        f"missing key 'wheel_digest' in {OF_FILE}.source'",
    ),
    "lock, a commit hash with `..`": (
        "lock",
        (*FIRST, "commit_hash"),
        "../../../../../../../../../../etc/cron.d",
        "'../../../../../../../../../../etc/cron.d' is not a commit hash in 'repos[0].commit_hash'",
    ),
    "lock, a repo_id with `..`": (
        "lock",
        (*FIRST, "repo_id"),
        "../..",
        "'../..' is not a repo_id such as 'organisation/name' in 'repos[0].repo_id'",
    ),
    "lock, empty text": ("lock", (*FIRST, "licence"), "", "expected a string, not str in 'repos[0].licence'"),
    "lock, a lone surrogate": (
        "lock",
        (*FIRST, "licence"),
        f"MIT {LONE_SURROGATE}",
        "not Unicode text: 'MIT \\ud800' in 'repos[0].licence'",
    ),
    "lock, paths that differ in case": (
        "lock",
        (*FILE, "path"),
        "CONFIG.yaml",
        "two paths are equal when case is ignored: 'CONFIG.yaml' in 'repos[0].files'",
    ),
    "lock, the same path twice": (
        "lock",
        (*FILE, "path"),
        "config.yaml",
        "two paths are equal when case is ignored: 'config.yaml' in 'repos[0].files'",
    ),
    "lock, a path inside a file": (
        "lock",
        (*FILE, "path"),
        "config.yaml/a/b",
        "a parent of 'config.yaml/a/b' is a file in 'repos[0].files'",
    ),
    "manifest, unknown key": ("manifest", ("created_at",), "today", "unknown key 'created_at'"),
    "manifest, unknown key in the archive": (
        "manifest",
        ("archive", "codec"),
        "zstd",
        "unknown key 'codec' in 'archive'",
    ),
    "manifest, missing key in the archive": (
        "manifest",
        ("archive", "size"),
        REMOVE,
        "missing key 'size' in 'archive'",
    ),
    "manifest, missing requirements": ("manifest", ("requirements",), REMOVE, "missing key 'requirements'"),
    "manifest, a wrong size in the archive": (
        "manifest",
        ("archive", "size"),
        "1",
        "expected a whole number, not str in 'archive.size'",
    ),
    "manifest, a version with `..`": ("manifest", ("version",), "1/../..", f"'1/../..' {NOT_A_VERSION}"),
    "manifest, a word for a version": ("manifest", ("version",), "latest", f"'latest' {NOT_A_VERSION}"),
    "manifest, a pipeline that is not listed": (
        "manifest",
        ("pipeline",),
        "acme/other",
        "'acme/other' is not among the repos in 'pipeline'",
    ),
    "manifest, a span that exceeds the archive": (
        "manifest",
        (*BLOB, "length"),
        1 << 40,
        "the span exceeds the archive in 'archive.blobs[2]'",
    ),
    "manifest, a span that begins beyond the archive": (
        "manifest",
        (*BLOB, "offset"),
        1 << 40,
        "the span exceeds the archive in 'archive.blobs[2]'",
    ),
    "manifest, a blob at another path": (
        "manifest",
        (*BLOB, "path"),
        "huggingface/token",
        f"the archive's blobs differ from those of the repos, first at {EMPTY_BLOB} in 'archive'",
    ),
    "pointer, unknown key": ("pointer", ("url",), "http://x", "unknown key 'url'"),
    "pointer, missing key": ("pointer", ("manifest", "digest"), REMOVE, "missing key 'digest' in 'manifest'"),
    "pointer, text for a serial": ("pointer", ("serial",), "1", "expected a whole number, not str in 'serial'"),
    "pointer, a version with `..`": ("pointer", ("version",), "../1", f"'../1' {NOT_A_VERSION}"),
    "pointer, no previous version": ("pointer", ("previous",), REMOVE, "missing key 'previous'"),
    "pointer, a previous version with `..`": (
        "pointer",
        ("previous",),
        "../1",
        "'../1' is not a version such as '1.0' in 'previous'",
    ),
    "pointer, not an object": ("pointer", ("manifest",), "v1.0", "expected an object, not str in 'manifest'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_error_states_the_problem_and_its_location(fault, valid_documents, tmp_path):
    kind, keys, value, expected = FAULTS[fault]

    with pytest.raises(ManifestError) as refusal:
        READERS[kind](replace_value(valid_documents[kind], keys, value), tmp_path)

    _, _, problem = refusal.value.message.partition(": ")
    assert problem == expected


@pytest.mark.parametrize("kind", READERS)
def test_the_error_names_the_document(kind, valid_documents, tmp_path):
    name = {"request": str(tmp_path / "a.yaml"), "lock": "a.lock.json", "manifest": "manifest.json"}.get(kind, "latest")

    with pytest.raises(ManifestError, match=rf"^{re.escape(name)}: unknown key 'extra'$"):
        READERS[kind](replace_value(valid_documents[kind], ("extra",), 1), tmp_path)


BAD_PATHS = {
    "parent": "../a",
    "parent in the middle": "a/../../b",
    "parent at the end": "a/..",
    "dot": "./a",
    "dot in the middle": "a/./b",
    "absolute": "/etc/passwd",
    "backslash": "a\\..\\b",
    "drive": "C:\\a",
    "newline": "a\nb",
    "newline at the end": "a\n",
    "tab": "a\tb",
    "null": "a\0b",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7fb",
    "empty component": "a//b",
    "empty last component": "a/",
    "more than 1024 characters": "a/" * 600 + "b",
    "more than 1024 bytes": "ä/" * 400 + "b",
    "component of 256 characters": "a/" + "b" * 256 + "/c",
    "component of 256 bytes": "ä" * 128,
}
REFUSED = "(not a plain relative path|path longer than 1024 bytes, or component longer than 255 bytes)"

PATHS_IN = {
    "lock": {"file": (*FILE, "path"), "local source": (*FILE, "source", "local")},
    "manifest": {
        "file": (*FILE, "path"),
        "blob": (*BLOB, "path"),
        "archive": ("archive", "name"),
        "requirements": ("requirements", "name"),
    },
    "pointer": {"manifest": ("manifest", "name")},
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=list(BAD_PATHS))
def test_every_path_field_refuses_a_path_that_is_not_plain_and_relative(path, valid_documents, tmp_path):
    for kind, fields in PATHS_IN.items():
        for keys in fields.values():
            with pytest.raises(ManifestError, match=REFUSED):
                READERS[kind](replace_value(valid_documents[kind], keys, path), tmp_path)


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=list(BAD_PATHS))
def test_a_request_refuses_a_path_that_is_not_plain_and_relative(path, valid_documents, tmp_path):
    for document in (
        replace_value(valid_documents["request"], (*FIRST, "files", path), {"local": "a"}),
        replace_value(valid_documents["request"], REQUESTED, {"local": path}),
        replace_value(valid_documents["request"], REQUESTED, {"wheel": "a==1", "member": path}),
    ):
        with pytest.raises(ManifestError, match=REFUSED):
            read_as_request(document, tmp_path)


@pytest.mark.parametrize(
    "path", ["..a", "a..b", "...", ".hidden", "~", "-rf", "a b", "ä/ß", "%2e%2e/a", "a/" * 300 + "b", "a/" + "b" * 255]
)
def test_an_unusual_path_inside_its_root_is_accepted(path, valid_documents, tmp_path):
    lock = READERS["lock"](replace_value(valid_documents["lock"], (*FILE, "path"), path), tmp_path)

    assert lock.repos[0].files[3].path == path


CURRENT = {"request": 1, "lock": 2, "manifest": 2, "pointer": 2}
"""The format version of each document that this release writes."""


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("stated", ["diarize-runner/{}/3", "diarize-runner/{}/1.1", "other/{}/1", "", 1])
def test_another_format_version_raises_unsupported_format(kind, stated, valid_documents, tmp_path):
    stated = stated.format(kind) if isinstance(stated, str) else stated

    with pytest.raises(UnsupportedFormat, match=f"is not diarize-runner/{kind}/{CURRENT[kind]} in 'format'"):
        READERS[kind](replace_value(valid_documents[kind], ("format",), stated), tmp_path)


@pytest.mark.parametrize("kind", READERS)
def test_a_later_format_with_other_keys_raises_unsupported_format(kind, valid_documents, tmp_path):
    later = replace_value(valid_documents[kind], ("format",), f"diarize-runner/{kind}/{CURRENT[kind] + 1}")
    later = replace_value(later, ("signature",), "x")
    later = replace_value(later, ("repos" if "repos" in later else "manifest",), REMOVE)

    with pytest.raises(UnsupportedFormat) as refusal:
        READERS[kind](later, tmp_path)

    assert refusal.value.hint == "use the diarize-runner release that wrote it, or create it again"


NOT_JSON = {
    "empty": b"",
    "cut short": b'{"format": "diarize-runner/poin',
    "an HTML page": b"<!DOCTYPE html><title>502</title>",
    "not UTF-8": b'{"format": "\xff"}',
    "too deep": b"[" * 100_000,
    "a duplicate key": b'{"format": "diarize-runner/pointer/1", "serial": 1, "serial": 2}',
    "a nested duplicate key": b'{"manifest": {"size": 1, "size": 2}}',
    "a number of 5000 digits": b'{"serial": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=list(NOT_JSON))
def test_a_document_that_is_not_json_is_refused(data):
    with pytest.raises(ManifestError, match=r"^latest: not a JSON document: ") as refusal:
        Pointer.from_bytes(data, "latest")

    assert refusal.value.hint == "check that the file is complete, and fetch it again"


@pytest.mark.parametrize("data", [b"null", b"[]", b'"text"', b"1"])
def test_a_json_document_that_is_not_an_object_is_refused(data):
    with pytest.raises(ManifestError, match=r"^latest: expected an object, not "):
        Pointer.from_bytes(data, "latest")


def test_the_error_states_that_a_key_is_duplicate():
    with pytest.raises(ManifestError, match=r"an object has the same key twice$"):
        Pointer.from_bytes(NOT_JSON["a duplicate key"], "latest")


NOT_YAML = {
    "a tab": b"format:\n\t- x",
    "a value that does not match its tag": b"format: !!bool maybe",
    "an invalid timestamp": b"format: !!timestamp soon",
    "not UTF-8": b"name: \xff",
    "a Python object": b"!!python/object/apply:os.system [id]",
    "an invalid date": b"name: 2026-13-45",
    "too deep": b"[" * 100_000,
    "a duplicate key": b"name: a\nname: b\n",
    "a duplicate path": b"repos:\n- files:\n    config.yaml: {local: a}\n    config.yaml: {local: b}\n",
}


@pytest.mark.parametrize("data", NOT_YAML.values(), ids=list(NOT_YAML))
def test_a_request_that_is_not_yaml_is_refused(data, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(data)

    with pytest.raises(ManifestError, match=f"^{path}: not a valid request: ") as refusal:
        read_request(path)

    assert refusal.value.hint == "see cache_manifests/FORMAT.md"


def test_the_error_names_a_missing_request(tmp_path):
    with pytest.raises(ManifestError, match=r"^cannot read .*a.yaml: No such file"):
        read_request(tmp_path / "a.yaml")


@pytest.mark.parametrize("kind", ["request", "lock", "manifest"])
def test_repos_that_share_a_folder_are_refused(kind, valid_documents, tmp_path):
    document = replace_value(valid_documents[kind], (*FIRST, "repo_id"), "a/b--c")
    document = replace_value(document, ("repos", 1, "repo_id"), "A--b/c")

    with pytest.raises(ManifestError, match=r"two paths are equal when case is ignored: .*models--[aA]--b--c"):
        READERS[kind](replace_value(document, ("pipeline",), "a/b--c"), tmp_path)


def test_a_repo_listed_twice_is_refused(valid_documents, tmp_path):
    document = replace_value(valid_documents["lock"], ("repos", 1), valid_documents["lock"]["repos"][0])

    with pytest.raises(ManifestError, match=r"two paths are equal when case is ignored: .* in 'repos'$"):
        READERS["lock"](document, tmp_path)


def remove_blob(blobs):
    return blobs[1:]


def duplicate_blob(blobs):
    return [*blobs, blobs[0]]


def add_blob(blobs):
    return [*blobs, {**blobs[0], "path": "huggingface/hub/models--a--b/blobs/" + "0" * 64}]


def change_size(blobs):
    return [{**blobs[0], "size": blobs[0]["size"] + 1}, *blobs[1:]]


def change_digest(blobs):
    return [{**blobs[0], "digest": "sha256:" + "0" * 64}, *blobs[1:]]


MISMATCHES = {
    remove_blob: "the archive's blobs differ from those of the repos, first at huggingface/hub/",
    duplicate_blob: "a blob is listed twice",
    add_blob: "the archive's blobs differ from those of the repos, first at huggingface/hub/models--a--b/",
    change_size: "the archive's blobs differ from those of the repos, first at huggingface/hub/",
    change_digest: "the archive's blobs differ from those of the repos, first at huggingface/hub/",
}


@pytest.mark.parametrize("edit", MISMATCHES, ids=lambda edit: edit.__name__)
def test_a_manifest_whose_blobs_differ_from_those_of_its_repos_is_refused(edit, valid_documents, tmp_path):
    document = replace_value(
        valid_documents["manifest"], ("archive", "blobs"), edit(valid_documents["manifest"]["archive"]["blobs"])
    )

    with pytest.raises(ManifestError, match=re.escape(MISMATCHES[edit])):
        READERS["manifest"](document, tmp_path)


def test_a_lock_is_refused_after_its_request_has_changed(tmp_path):
    request = write_request(tmp_path)
    write_lock(request)
    request.write_text(request.read_text() + "# a comment\n")

    with pytest.raises(ManifestError) as refusal:
        read_lock(read_request(request), lock_path(request))

    assert refusal.value.message == f"{tmp_path}/tiny.lock.json: the request has changed since it was locked"
    assert refusal.value.hint == f"run: diarize-runner cache resolve {request}"


def test_the_error_for_a_missing_lock_names_the_command_that_creates_it(tmp_path):
    request = write_request(tmp_path)

    with pytest.raises(ManifestError, match=r"^cannot read the lock .*/tiny.lock.json: No such file") as refusal:
        read_lock(read_request(request), lock_path(request))

    assert refusal.value.hint == f"run: diarize-runner cache resolve {request}"


def test_reading_a_lock_returns_what_was_written(tmp_path):
    request = write_request(tmp_path)

    lock = write_lock(request)

    assert read_lock(read_request(request), lock_path(request)) == lock
    assert {repo.repo_id: {file.path for file in repo.files} for repo in lock.repos} == {
        repo_id: set(files) for repo_id, files in TINY.items()
    }


def test_a_lock_does_not_depend_on_its_folder(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = (write_lock(write_request(tmp_path / name)).to_bytes() for name in ("here", "there"))

    assert here == there


def test_a_commit_hash_depends_on_every_byte_and_name(tmp_path):
    before = write_lock(write_request(tmp_path))
    edited = write_lock(write_request(tmp_path, {**TINY, WEIGHTS: {"weights.dat": b"other"}}))
    renamed = write_lock(write_request(tmp_path, {**TINY, WEIGHTS: {"renamed.dat": TINY[WEIGHTS]["weights.dat"]}}))

    pipelines = {lock.repos[0].commit_hash for lock in (before, edited, renamed)}
    weights = {lock.repos[1].commit_hash for lock in (before, edited, renamed)}
    assert (len(pipelines), len(weights)) == (1, 3)


def link_local_file(request, link_target):
    """Replace a local file of a request by a link."""
    local = request.parent / "files" / PIPELINE / "config.yaml"
    local.unlink()
    local.symlink_to(link_target)


def test_a_local_file_that_links_out_of_the_requests_folder_is_refused(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in").mkdir()
    request = write_request(tmp_path / "in")
    link_local_file(request, tmp_path / "secret")

    with pytest.raises(SourceError, match=r"files/acme/speaker-diarization/config.yaml is outside ") as refusal:
        resolve(read_request(request), NoProgress())

    assert refusal.value.hint == "put local files into the folder of the request"


def test_a_local_file_may_link_to_another_file_in_the_requests_folder(tmp_path):
    request = write_request(tmp_path)
    link_local_file(request, "LICENSE")

    files = {file.path: file.content for file in resolve(read_request(request), NoProgress()).repos[0].files}

    assert files["config.yaml"] == files["LICENSE"]


def test_a_local_file_that_links_to_itself_is_refused(tmp_path):
    request = write_request(tmp_path)
    link_local_file(request, "config.yaml")

    with pytest.raises(SourceError, match=r"config.yaml is not a file$"):
        resolve(read_request(request), NoProgress())


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["nothing", "a folder"])
def test_the_error_names_a_missing_local_file(make, tmp_path):
    request = write_request(tmp_path)
    local = tmp_path / "files" / PIPELINE / "config.yaml"
    local.unlink()
    make(local)

    with pytest.raises(SourceError, match=f"^{local} is not a file$") as refusal:
        resolve(read_request(request), NoProgress())

    assert refusal.value.hint == "put local files into the folder of the request"


def test_the_error_names_the_path_of_a_malformed_lock(tmp_path):
    request = write_request(tmp_path)
    write_lock(request)
    edit_json(lock_path(request), lambda lock: lock["repos"][0]["files"][0].update(size=None))

    with pytest.raises(ManifestError) as refusal:
        read_lock(read_request(request), lock_path(request))

    expected = f"{tmp_path}/tiny.lock.json: expected a whole number, not NoneType in 'repos[0].files[0].size'"
    assert refusal.value.message == expected
