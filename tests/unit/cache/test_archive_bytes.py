"""The archive has the same bytes on every host, any tar reads it, and it holds only what the lock lists."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest
from support.caches import (
    LARGE,
    PIPELINE,
    TINY,
    load_built_manifest,
    tree,
    write_lock,
    write_request,
)

from diarize_runner.cache.builder.archive import pack
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.gzip_members import MEMBER_SIZE, read_members
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, blobs_of
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress

TINY_ARCHIVE = "7111759d074b48e69c9c633d57c1b9c688a238e3d328123acfa1869fb2b48622"
BUILD_ELSEWHERE = """
import os, sys
from pathlib import Path
from support.caches import TINY, build_version, write_lock, write_request
os.umask(int(sys.argv[2], 8))
request = write_request(Path(sys.argv[1]), {repo: dict(reversed(TINY[repo].items())) for repo in TINY})
for path in Path(sys.argv[1]).rglob("*"):
    os.utime(path, (0, int(sys.argv[3])))
write_lock(request)
build_version(request, Path(sys.argv[1], "out"))
"""


def build_elsewhere(folder, *, umask, time, **environment):
    """Build the tiny cache in a new process, with its files listed in another order; return the output files."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", BUILD_ELSEWHERE, str(folder), umask, str(time)]
    subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        cwd=folder,
        check=True,
    )
    return tree(folder / "out")


def test_a_build_does_not_depend_on_folder_time_umask_or_locale(tmp_path):
    here = build_elsewhere(tmp_path / "a", umask="022", time=1, TZ="UTC", PYTHONHASHSEED="1", LC_ALL="C")
    there = build_elsewhere(
        tmp_path / "deep" / "b", umask="077", time=2_000_000_000, TZ="Asia/Kathmandu", PYTHONHASHSEED="2", LANG="tr_TR"
    )

    assert set(here) == {ARCHIVE_NAME, MANIFEST_NAME, "requirements-diarization.txt"}
    assert here == there


def test_the_tiny_archive_has_the_same_bytes_in_every_release(site):
    archive = site.build().archive.file

    assert archive.content.digest.hex == TINY_ARCHIVE, "older versions could not be rebuilt"


def expected_tree(repos, manifest):
    """Return the layout that FORMAT.md describes, derived from the input files."""
    expected = {"huggingface": "folder", "huggingface/hub": "folder"}
    for repo in manifest.repos:
        folder = f"huggingface/hub/models--{repo.repo_id.replace('/', '--')}"
        expected |= {f"{folder}/{name}": "folder" for name in ("blobs", "refs", "snapshots")} | {folder: "folder"}
        expected[f"{folder}/refs/main"] = hash_bytes(repo.commit_hash.encode()).digest.hex
        snapshot = f"{folder}/snapshots/{repo.commit_hash}"
        expected[snapshot] = "folder"
        for path, data in repos[repo.repo_id].items():
            digest = hash_bytes(data).digest.hex
            expected[f"{folder}/blobs/{digest}"] = digest
            expected[f"{snapshot}/{path}"] = "-> ../../" + "../" * path.count("/") + f"blobs/{digest}"
            expected |= {f"{snapshot}/{parent}": "folder" for parent in Path(path).parents if str(parent) != "."}
    return expected


def untar_with_tar(archive, target):
    subprocess.run(["tar", "-xzf", archive, "-C", target], check=True)


def untar_with_python(archive, target):
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="data")


@pytest.mark.parametrize("untar", [untar_with_tar, untar_with_python])
def test_an_archive_unpacks_to_exactly_the_documented_layout(untar, large, tmp_path):
    untar(large.built("1.0") / ARCHIVE_NAME, tmp_path)

    manifest = load_built_manifest(large.built("1.0"))
    assert tree(tmp_path) == expected_tree(LARGE, manifest)
    for repo in manifest.repos:
        assert (tmp_path / layout.ref_path(repo)).read_bytes() == repo.commit_hash.encode()
        assert (tmp_path / layout.ref_path(repo)).stat().st_size == 40
        for path, data in LARGE[repo.repo_id].items():
            assert (tmp_path / layout.snapshot_folder(repo) / path).read_bytes() == data


def test_tar_members_are_sorted_and_hold_no_host_data(large):
    with tarfile.open(large.built("1.0") / ARCHIVE_NAME) as archive:
        members = archive.getmembers()

    assert [member.name for member in members] == sorted({member.name for member in members})
    assert {(member.uid, member.gid, member.mtime, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }
    assert {member.mode for member in members if member.isfile()} == {0o644}
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert {member.type for member in members} == {tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE}


def test_huggingface_hub_finds_every_file_of_an_unpacked_archive_offline(large, tmp_path):
    from huggingface_hub import hf_hub_download

    untar_with_tar(large.built("1.0") / ARCHIVE_NAME, tmp_path)

    for repo_id, files in LARGE.items():
        for path, data in files.items():
            found = hf_hub_download(
                repo_id, path, revision="main", cache_dir=tmp_path / layout.HUB, local_files_only=True
            )
            assert Path(found).read_bytes() == data


def test_reading_each_span_of_the_manifest_gives_its_blob(large):
    manifest = load_built_manifest(large.built("1.0"))
    archive = (large.built("1.0") / ARCHIVE_NAME).read_bytes()

    assert [span.path for span in manifest.archive.blobs] == sorted(blobs_of(manifest.repos))
    for span in manifest.archive.blobs:
        compressed = archive[span.offset : span.offset + span.length]
        assert hash_bytes(b"".join(read_members([compressed], size=span.content.size))) == span.content


def member_sizes(stream):
    """Yield the uncompressed size of each gzip member of a stream, in bytes."""
    while stream:
        decoder = zlib.decompressobj(31)
        yield len(decoder.decompress(stream))
        assert decoder.eof
        stream = decoder.unused_data


def test_a_long_blob_is_split_into_members_of_8_mib(large):
    manifest = load_built_manifest(large.built("1.0"))
    (span,) = [span for span in manifest.archive.blobs if span.content.size == 9 << 20]
    archive = (large.built("1.0") / ARCHIVE_NAME).read_bytes()

    assert list(member_sizes(archive[span.offset : span.offset + span.length])) == [MEMBER_SIZE, 1 << 20]
    assert max(member_sizes(archive)) == 8 << 20


def test_two_equal_files_in_a_repository_share_one_blob(site):
    manifest = site.build()

    blobs = [span for span in manifest.archive.blobs if PIPELINE.replace("/", "--") in span.path]
    assert len(blobs) == len(TINY[PIPELINE]) - 1


@pytest.mark.parametrize(
    "path",
    ["s" * 99, "s" * 200, "d" * 90 + "/" + "f" * 90 + "/" + "g" * 90, "ünïcode/日本語.dat", "with space", "%41", "-rf"],
)
def test_long_and_odd_names_survive_both_tars(path, site, tmp_path):
    repos = {PIPELINE: {"config.yaml": b"x", path: b"odd"}}
    manifest = site.build(repos=repos)

    for untar in (untar_with_tar, untar_with_python):
        target = tmp_path / untar.__name__
        target.mkdir()
        untar(site.built("1.0") / ARCHIVE_NAME, target)
        assert tree(target) == expected_tree(repos, manifest)


@pytest.fixture
def staged(tmp_path):
    """A lock, and the folder with its staged blobs."""
    lock = write_lock(write_request(tmp_path))
    folder = tmp_path / "staged"
    contents = {hash_bytes(data): data for files in TINY.values() for data in files.values()}
    for path, content in blobs_of(lock.repos).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(contents[content])
    return lock, folder


STRAYS = [
    "huggingface/token",
    "huggingface/stored_tokens",
    "huggingface/hub/.locks/models--acme--weights/x.lock",
    "huggingface/hub/models--acme--weights/blobs/" + "a" * 64,
    "huggingface/hub/models--acme--weights/blobs/" + "a" * 64 + ".incomplete",
    "huggingface/hub/models--acme--weights/.no_exist/x",
    "huggingface/hub/models--acme--weights/refs/pr",
    "huggingface/hub/models--acme--weights/snapshots/x/config.json",
    "huggingface/hub/CACHEDIR.TAG",
    ".env",
]


def test_stray_files_in_the_staged_folder_are_not_packed(staged, tmp_path):
    lock, folder = staged
    clean = pack(lock, folder, tmp_path / "clean.tar.gz", NoProgress())
    for stray in STRAYS:
        (folder / stray).parent.mkdir(parents=True, exist_ok=True)
        (folder / stray).write_text("hf_secret")

    littered = pack(lock, folder, tmp_path / "littered.tar.gz", NoProgress())

    assert littered == clean
    assert b"hf_secret" not in (tmp_path / "littered.tar.gz").read_bytes()


ALTERATIONS = {
    "a byte": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "shorter": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=list(ALTERATIONS))
def test_an_altered_staged_blob_stops_the_pack(alter, staged, tmp_path):
    lock, folder = staged
    path = next(path for path, content in blobs_of(lock.repos).items() if content.size == 3000)
    (folder / path).write_bytes(alter((folder / path).read_bytes()))

    with pytest.raises(IntegrityError, match=r"^acme/speaker-diarization: \S+ differs from the lock$"):
        pack(lock, folder, tmp_path / "a.tar.gz", NoProgress())


def test_a_manifest_describes_the_build(site):
    manifest = site.build("1.2-rc.1")

    folder = site.built("1.2-rc.1")
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    assert (document["version"], document["name"], document["pipeline"]) == ("1.2-rc.1", "tiny", PIPELINE)
    assert re.fullmatch(r"diarize-runner \d+\.\d+\.\d+", document["created_by"])
    assert manifest == load_built_manifest(folder)
    for file in (manifest.archive.file, manifest.requirements):
        assert hash_file(folder / file.name) == file.content
