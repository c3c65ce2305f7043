"""A request, lock, manifest or pointer that is wrong is refused, and the error names the place."""

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
from diarize_runner.digests import content_of
from diarize_runner.errors import ManifestError, SourceError, UnsupportedFormat
from diarize_runner.progress import Silent

GONE = object()
LONE_SURROGATE = "\ud800"


@pytest.fixture(scope="module")
def good(large):
    """A document of each kind, as parsed JSON or YAML."""
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


def altered(document, place, value):
    """Return `document` with another value, or none, at `place`."""
    document = copy.deepcopy(document)
    *folders, last = place
    holder = document
    for step in folders:
        holder = holder[step]
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
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
EMPTY_BLOB = f"huggingface/hub/models--acme--speaker-diarization/blobs/{content_of(b'').digest.hex}"
NOT_A_PIN = "is not a pinned requirement such as 'whisperx==3.8.6' in 'repos[0].files.config.yaml.wheel'"
NOT_A_VERSION = "is not a version such as '1.0' in 'version'"

FAULTS = {
    # kind, place, value -> the error, after the document's name
    "request, unknown key": ("request", ("pipelin",), "x", "unknown key 'pipelin'"),
    "request, unknown key in a repo": ("request", (*FIRST, "license"), "x", "unknown key 'license' in 'repos[0]'"),
    "request, missing key": ("request", (*FIRST, "licence"), GONE, "missing key 'licence' in 'repos[0]'"),
    "request, missing format": ("request", ("format",), GONE, "missing key 'format'"),
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
    "request, nothing for a source": (
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
    "request, a number for a path": (
        "request",
        (*FIRST, "files", 1),
        {"local": "a"},
        "the key 1 is no text in 'repos[0].files'",
    ),
    "request, a commit for a branch": (
        "request",
        (*FIRST, "revision"),
        "refs/pr/1",
        "'refs/pr/1' is not a branch name in 'repos[0].revision'",
    ),
    "request, a branch that no disk takes": (
        "request",
        (*FIRST, "revision"),
        "b" * 97,
        f"'{'b' * 97}' is not a branch name in 'repos[0].revision'",
    ),
    "request, a repository that no disk takes": (
        "request",
        (*FIRST, "repo_id"),
        f"a/{'b' * 97}",
        f"'a/{'b' * 97}' is not a repo_id such as 'organisation/name' in 'repos[0].repo_id'",
    ),
    "lock, unknown key": ("lock", (*FILE, "sise"), 1, f"unknown key 'sise' in {OF_FILE}'"),
    "lock, missing key": ("lock", (*FILE, "digest"), GONE, f"missing key 'digest' in {OF_FILE}'"),
    "lock, text for a size": ("lock", (*FILE, "size"), "12", f"expected a whole number, not str in {OF_FILE}.size'"),
    "lock, a truth for a size": (
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
    "lock, a size below nothing": ("lock", (*FILE, "size"), -1, f"-1 is out of range in {OF_FILE}.size'"),
    "lock, a size beyond every disk": (
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
    "lock, a commit hash that leads elsewhere": (
        "lock",
        (*FIRST, "commit_hash"),
        "../../../../../../../../../../etc/cron.d",
        "'../../../../../../../../../../etc/cron.d' is not a commit hash in 'repos[0].commit_hash'",
    ),
    "lock, a repo_id that leads elsewhere": (
        "lock",
        (*FIRST, "repo_id"),
        "../..",
        "'../..' is not a repo_id such as 'organisation/name' in 'repos[0].repo_id'",
    ),
    "lock, empty text": ("lock", (*FIRST, "licence"), "", "expected a string, not str in 'repos[0].licence'"),
    "lock, half a character": (
        "lock",
        (*FIRST, "licence"),
        f"MIT {LONE_SURROGATE}",
        "not Unicode text: 'MIT \\ud800' in 'repos[0].licence'",
    ),
    "lock, paths that differ in case": (
        "lock",
        (*FILE, "path"),
        "CONFIG.yaml",
        "two paths are one where case is ignored: 'CONFIG.yaml' in 'repos[0].files'",
    ),
    "lock, the same path twice": (
        "lock",
        (*FILE, "path"),
        "config.yaml",
        "two paths are one where case is ignored: 'config.yaml' in 'repos[0].files'",
    ),
    "lock, a path inside a file": (
        "lock",
        (*FILE, "path"),
        "config.yaml/a/b",
        "'config.yaml/a/b' lies inside a path that is a file in 'repos[0].files'",
    ),
    "manifest, unknown key": ("manifest", ("created_at",), "today", "unknown key 'created_at'"),
    "manifest, unknown key in the archive": (
        "manifest",
        ("archive", "codec"),
        "zstd",
        "unknown key 'codec' in 'archive'",
    ),
    "manifest, missing key in the archive": ("manifest", ("archive", "size"), GONE, "missing key 'size' in 'archive'"),
    "manifest, missing requirements": ("manifest", ("requirements",), GONE, "missing key 'requirements'"),
    "manifest, a wrong size in the archive": (
        "manifest",
        ("archive", "size"),
        "1",
        "expected a whole number, not str in 'archive.size'",
    ),
    "manifest, a version that leads elsewhere": ("manifest", ("version",), "1/../..", f"'1/../..' {NOT_A_VERSION}"),
    "manifest, a version that is a word": ("manifest", ("version",), "latest", f"'latest' {NOT_A_VERSION}"),
    "manifest, a pipeline of nowhere": (
        "manifest",
        ("pipeline",),
        "acme/other",
        "'acme/other' is not among the repos in 'pipeline'",
    ),
    "manifest, a span out of the archive": (
        "manifest",
        (*BLOB, "length"),
        1 << 40,
        "a span leads out of the archive in 'archive.blobs[2]'",
    ),
    "manifest, a span that begins out of the archive": (
        "manifest",
        (*BLOB, "offset"),
        1 << 40,
        "a span leads out of the archive in 'archive.blobs[2]'",
    ),
    "manifest, a blob in another place": (
        "manifest",
        (*BLOB, "path"),
        "huggingface/token",
        f"the archive's blobs are not those of the repos, first at {EMPTY_BLOB} in 'archive'",
    ),
    "pointer, unknown key": ("pointer", ("url",), "http://x", "unknown key 'url'"),
    "pointer, missing key": ("pointer", ("manifest", "digest"), GONE, "missing key 'digest' in 'manifest'"),
    "pointer, text for a serial": ("pointer", ("serial",), "1", "expected a whole number, not str in 'serial'"),
    "pointer, a version that leads elsewhere": ("pointer", ("version",), "../1", f"'../1' {NOT_A_VERSION}"),
    "pointer, no version before": ("pointer", ("previous",), GONE, "missing key 'previous'"),
    "pointer, a version before that leads elsewhere": (
        "pointer",
        ("previous",),
        "../1",
        "'../1' is not a version such as '1.0' in 'previous'",
    ),
    "pointer, not an object": ("pointer", ("manifest",), "v1.0", "expected an object, not str in 'manifest'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_with_its_place(fault, good, tmp_path):
    kind, place, value, sentence = FAULTS[fault]

    with pytest.raises(ManifestError) as refusal:
        READERS[kind](altered(good[kind], place, value), tmp_path)

    _, _, problem = refusal.value.message.partition(": ")
    assert problem == sentence


@pytest.mark.parametrize("kind", READERS)
def test_the_error_names_the_document(kind, good, tmp_path):
    name = {"request": str(tmp_path / "a.yaml"), "lock": "a.lock.json", "manifest": "manifest.json"}.get(kind, "latest")

    with pytest.raises(ManifestError, match=rf"^{re.escape(name)}: unknown key 'extra'$"):
        READERS[kind](altered(good[kind], ("extra",), 1), tmp_path)


BAD_PATHS = {
    "up": "../a",
    "up in the middle": "a/../../b",
    "up at the end": "a/..",
    "here": "./a",
    "here in the middle": "a/./b",
    "absolute": "/etc/passwd",
    "backslash": "a\\..\\b",
    "drive": "C:\\a",
    "newline": "a\nb",
    "newline at the end": "a\n",
    "tab": "a\tb",
    "null": "a\0b",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7fb",
    "empty part": "a//b",
    "empty last part": "a/",
    "enormous": "a/" * 600 + "b",
    "enormous in bytes": "ä/" * 400 + "b",
    "with a part that no disk takes": "a/" + "b" * 256 + "/c",
    "with a part that no disk takes in bytes": "ä" * 128,
}
REFUSED = "(not a plain relative path|a path longer than 1024 bytes, or with a part longer than 255)"

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
def test_a_path_that_is_not_plainly_relative_is_refused_wherever_one_stands(path, good, tmp_path):
    for kind, places in PATHS_IN.items():
        for place in places.values():
            with pytest.raises(ManifestError, match=REFUSED):
                READERS[kind](altered(good[kind], place, path), tmp_path)


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=list(BAD_PATHS))
def test_a_requested_path_that_is_not_plainly_relative_is_refused(path, good, tmp_path):
    for document in (
        altered(good["request"], (*FIRST, "files", path), {"local": "a"}),
        altered(good["request"], REQUESTED, {"local": path}),
        altered(good["request"], REQUESTED, {"wheel": "a==1", "member": path}),
    ):
        with pytest.raises(ManifestError, match=REFUSED):
            read_as_request(document, tmp_path)


@pytest.mark.parametrize(
    "path", ["..a", "a..b", "...", ".hidden", "~", "-rf", "a b", "ä/ß", "%2e%2e/a", "a/" * 300 + "b", "a/" + "b" * 255]
)
def test_a_path_may_be_odd_as_long_as_it_stays_inside(path, good, tmp_path):
    lock = READERS["lock"](altered(good["lock"], (*FILE, "path"), path), tmp_path)

    assert lock.repos[0].files[3].path == path


CURRENT = {"request": 1, "lock": 2, "manifest": 2, "pointer": 2}
"""The version of each document that this release writes."""


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("stated", ["diarize-runner/{}/3", "diarize-runner/{}/1.1", "other/{}/1", "", 1])
def test_another_format_version_is_refused_as_such(kind, stated, good, tmp_path):
    stated = stated.format(kind) if isinstance(stated, str) else stated

    with pytest.raises(UnsupportedFormat, match=f"is not diarize-runner/{kind}/{CURRENT[kind]} in 'format'"):
        READERS[kind](altered(good[kind], ("format",), stated), tmp_path)


@pytest.mark.parametrize("kind", READERS)
def test_a_later_format_is_refused_as_such_although_its_keys_are_others(kind, good, tmp_path):
    later = altered(good[kind], ("format",), f"diarize-runner/{kind}/{CURRENT[kind] + 1}")
    later = altered(later, ("signature",), "x")
    later = altered(later, ("repos" if "repos" in later else "manifest",), GONE)

    with pytest.raises(UnsupportedFormat) as refusal:
        READERS[kind](later, tmp_path)

    assert refusal.value.hint == "use the diarize-runner release that wrote it, or write it anew"


NOT_JSON = {
    "nothing": b"",
    "cut short": b'{"format": "diarize-runner/poin',
    "a page of HTML": b"<!DOCTYPE html><title>502</title>",
    "not UTF-8": b'{"format": "\xff"}',
    "too deep": b"[" * 100_000,
    "a key twice": b'{"format": "diarize-runner/pointer/1", "serial": 1, "serial": 2}',
    "a key twice, deep inside": b'{"manifest": {"size": 1, "size": 2}}',
    "a number beyond reason": b'{"serial": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=list(NOT_JSON))
def test_what_is_no_json_document_is_refused(data):
    with pytest.raises(ManifestError, match=r"^latest: not a JSON document: ") as refusal:
        Pointer.from_bytes(data, "latest")

    assert refusal.value.hint == "was it cut short on the way?"


@pytest.mark.parametrize("data", [b"null", b"[]", b'"text"', b"1"])
def test_a_json_document_that_is_no_object_is_refused(data):
    with pytest.raises(ManifestError, match=r"^latest: expected an object, not "):
        Pointer.from_bytes(data, "latest")


def test_a_repeated_key_is_named_as_the_reason():
    with pytest.raises(ManifestError, match=r"a key stands twice in one object$"):
        Pointer.from_bytes(NOT_JSON["a key twice"], "latest")


NOT_YAML = {
    "a tab": b"format:\n\t- x",
    "a value that is not what its tag says": b"format: !!bool maybe",
    "a time that is none": b"format: !!timestamp soon",
    "not UTF-8": b"name: \xff",
    "an object of somebody's": b"!!python/object/apply:os.system [id]",
    "a day that is none": b"name: 2026-13-45",
    "too deep": b"[" * 100_000,
    "a key twice": b"name: a\nname: b\n",
    "a path twice": b"repos:\n- files:\n    config.yaml: {local: a}\n    config.yaml: {local: b}\n",
}


@pytest.mark.parametrize("data", NOT_YAML.values(), ids=list(NOT_YAML))
def test_what_is_no_yaml_document_is_refused(data, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(data)

    with pytest.raises(ManifestError, match=f"^{path}: no request can be read: ") as refusal:
        read_request(path)

    assert refusal.value.hint == "see cache_manifests/FORMAT.md"


def test_a_request_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"^cannot read .*a.yaml: No such file"):
        read_request(tmp_path / "a.yaml")


@pytest.mark.parametrize("kind", ["request", "lock", "manifest"])
def test_repos_that_would_share_a_folder_are_refused(kind, good, tmp_path):
    document = altered(good[kind], (*FIRST, "repo_id"), "a/b--c")
    document = altered(document, ("repos", 1, "repo_id"), "A--b/c")

    with pytest.raises(ManifestError, match=r"two paths are one where case is ignored: .*models--[aA]--b--c"):
        READERS[kind](altered(document, ("pipeline",), "a/b--c"), tmp_path)


def test_a_repo_listed_twice_is_refused(good, tmp_path):
    document = altered(good["lock"], ("repos", 1), good["lock"]["repos"][0])

    with pytest.raises(ManifestError, match=r"two paths are one where case is ignored: .* in 'repos'$"):
        READERS["lock"](document, tmp_path)


def without_a_blob(blobs):
    return blobs[1:]


def with_a_blob_twice(blobs):
    return [*blobs, blobs[0]]


def with_another_blob(blobs):
    return [*blobs, {**blobs[0], "path": "huggingface/hub/models--a--b/blobs/" + "0" * 64}]


def with_another_size(blobs):
    return [{**blobs[0], "size": blobs[0]["size"] + 1}, *blobs[1:]]


def with_another_digest(blobs):
    return [{**blobs[0], "digest": "sha256:" + "0" * 64}, *blobs[1:]]


MISMATCHES = {
    without_a_blob: "the archive's blobs are not those of the repos, first at huggingface/hub/",
    with_a_blob_twice: "a blob is listed twice",
    with_another_blob: "the archive's blobs are not those of the repos, first at huggingface/hub/models--a--b/",
    with_another_size: "the archive's blobs are not those of the repos, first at huggingface/hub/",
    with_another_digest: "the archive's blobs are not those of the repos, first at huggingface/hub/",
}


@pytest.mark.parametrize("edit", MISMATCHES, ids=lambda edit: edit.__name__)
def test_a_manifest_whose_blobs_are_not_those_of_its_repos_is_refused(edit, good, tmp_path):
    document = altered(good["manifest"], ("archive", "blobs"), edit(good["manifest"]["archive"]["blobs"]))

    with pytest.raises(ManifestError, match=re.escape(MISMATCHES[edit])):
        READERS["manifest"](document, tmp_path)


def test_a_lock_of_a_request_that_has_changed_since_is_refused(tmp_path):
    request = write_request(tmp_path)
    write_lock(request)
    request.write_text(request.read_text() + "# a thought\n")

    with pytest.raises(ManifestError) as refusal:
        read_lock(read_request(request), lock_path(request))

    assert refusal.value.message == f"{tmp_path}/tiny.lock.json: the request has changed since it was locked"
    assert refusal.value.hint == f"run: diarize-runner cache resolve {request}"


def test_a_request_without_a_lock_says_how_to_make_one(tmp_path):
    request = write_request(tmp_path)

    with pytest.raises(ManifestError, match=r"tiny.lock.json: no lock can be read: No such file") as refusal:
        read_lock(read_request(request), lock_path(request))

    assert refusal.value.hint == f"run: diarize-runner cache resolve {request}"


def test_a_lock_is_read_as_it_was_written(tmp_path):
    request = write_request(tmp_path)

    lock = write_lock(request)

    assert read_lock(read_request(request), lock_path(request)) == lock
    assert {repo.repo_id: {file.path for file in repo.files} for repo in lock.repos} == {
        repo_id: set(files) for repo_id, files in TINY.items()
    }


def test_a_lock_does_not_change_with_the_folder_it_was_made_in(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = (write_lock(write_request(tmp_path / name)).to_bytes() for name in ("here", "there"))

    assert here == there


def test_a_commit_hash_changes_with_a_byte_and_with_a_name_alone(tmp_path):
    before = write_lock(write_request(tmp_path))
    edited = write_lock(write_request(tmp_path, {**TINY, WEIGHTS: {"weights.dat": b"other"}}))
    renamed = write_lock(write_request(tmp_path, {**TINY, WEIGHTS: {"renamed.dat": TINY[WEIGHTS]["weights.dat"]}}))

    pipelines = {lock.repos[0].commit_hash for lock in (before, edited, renamed)}
    weights = {lock.repos[1].commit_hash for lock in (before, edited, renamed)}
    assert (len(pipelines), len(weights)) == (1, 3)


def leading_out(request, link_target):
    """Replace a local file of a request by a link."""
    local = request.parent / "files" / PIPELINE / "config.yaml"
    local.unlink()
    local.symlink_to(link_target)


def test_a_local_file_that_leads_out_of_the_requests_folder_by_a_link_is_refused(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in").mkdir()
    request = write_request(tmp_path / "in")
    leading_out(request, tmp_path / "secret")

    with pytest.raises(SourceError, match=r"files/acme/speaker-diarization/config.yaml leads out of ") as refusal:
        resolve(read_request(request), Silent())

    assert refusal.value.hint == "keep local files beside the request"


def test_a_local_file_may_be_a_link_to_another_beside_the_request(tmp_path):
    request = write_request(tmp_path)
    leading_out(request, "LICENSE")

    files = {file.path: file.content for file in resolve(read_request(request), Silent()).repos[0].files}

    assert files["config.yaml"] == files["LICENSE"]


def test_a_local_file_that_links_to_itself_is_refused(tmp_path):
    request = write_request(tmp_path)
    leading_out(request, "config.yaml")

    with pytest.raises(SourceError, match=r"config.yaml is no file$"):
        resolve(read_request(request), Silent())


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["nothing", "a folder"])
def test_a_local_file_that_is_none_is_named(make, tmp_path):
    request = write_request(tmp_path)
    local = tmp_path / "files" / PIPELINE / "config.yaml"
    local.unlink()
    make(local)

    with pytest.raises(SourceError, match=f"^{local} is no file$") as refusal:
        resolve(read_request(request), Silent())

    assert refusal.value.hint == "local files lie beside the request"


def test_a_lock_that_was_edited_is_refused_with_its_path(tmp_path):
    request = write_request(tmp_path)
    write_lock(request)
    edit_json(lock_path(request), lambda lock: lock["repos"][0]["files"][0].update(size=None))

    with pytest.raises(ManifestError) as refusal:
        read_lock(read_request(request), lock_path(request))

    expected = f"{tmp_path}/tiny.lock.json: expected a whole number, not NoneType in 'repos[0].files[0].size'"
    assert refusal.value.message == expected
