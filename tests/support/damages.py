"""Damages of a restored `support.caches.TINY` cache."""

import os
import shutil

from support.caches import TINY, WEIGHTS, flip

from diarize_runner.cache.documents import layout
from diarize_runner.digests import hash_bytes


def names(cache):
    """Return the paths that DAMAGES refers to."""
    pipeline, weights = cache.manifest.repos
    return {
        "blob": layout.blob_path(WEIGHTS, hash_bytes(TINY[WEIGHTS]["weights.dat"]).digest),
        "ref": layout.ref_path(weights),
        "link": f"{layout.snapshot_folder(weights)}/weights.dat",
        "deep link": f"{layout.snapshot_folder(pipeline)}/segmentation/LICENSE",
        "snapshot": layout.snapshot_folder(weights),
        "snapshots": f"{layout.repo_folder(WEIGHTS)}/snapshots",
        "repo": layout.repo_folder(WEIGHTS),
    }


def replace_by_link(path):
    """Replace a file with a link to a copy."""
    copy = path.with_name("copy").parents[5] / "copy"
    shutil.copy(path, copy)
    path.unlink()
    path.symlink_to(copy)


def link_to(target):
    def damage(path):
        leads_to = target(path)
        path.unlink()
        os.symlink(leads_to, path)  # noqa: PTH211  # pathlib drops a trailing slash

    return damage


def replace_by_file(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


def add_newline(path):
    path.write_bytes(path.read_bytes() + b"\n")


def write(text):
    return lambda path: path.write_text(text)


DAMAGES = {
    # description: (path, damage, reported state)
    "a blob is gone": ("blob", os.unlink, "missing"),
    "a blob has a flipped bit": ("blob", lambda path: flip(path, 350), "mismatched"),
    "a blob is shorter": ("blob", lambda path: os.truncate(path, 699), "mismatched"),
    "a blob is longer": ("blob", add_newline, "mismatched"),
    "a blob is empty": ("blob", lambda path: os.truncate(path, 0), "mismatched"),
    "a blob is a link to the right content": ("blob", replace_by_link, "mismatched"),
    "a blob is a link to nothing": ("blob", link_to(lambda _: "nowhere"), "mismatched"),
    "a blob is a folder": ("blob", replace_by_folder, "mismatched"),
    "a blob is a pipe": ("blob", replace_by_pipe, "mismatched"),
    "a ref is gone": ("ref", os.unlink, "missing"),
    "a ref has a newline": ("ref", add_newline, "mismatched"),
    "a ref names another commit": ("ref", write("0" * 40), "mismatched"),
    "a ref is empty": ("ref", write(""), "mismatched"),
    "a ref is a link to the right content": ("ref", replace_by_link, "mismatched"),
    "a ref is a folder": ("ref", replace_by_folder, "mismatched"),
    "a link is gone": ("link", os.unlink, "missing"),
    "a link is absolute": ("link", link_to(lambda path: path.parents[2] / "blobs" / path.name), "mismatched"),
    "a link leads to the right blob by its absolute path": ("link", link_to(lambda path: path.resolve()), "mismatched"),
    "a link leads to another blob": ("link", link_to(lambda _: "../../blobs/" + "0" * 64), "mismatched"),
    "a link ends with a slash": ("link", link_to(lambda path: f"{path.readlink()}/"), "mismatched"),
    "a link is a file with the right content": ("link", replace_by_file, "mismatched"),
    "a link deep down is gone": ("deep link", os.unlink, "missing"),
    "a link deep down leads one folder too few up": (
        "deep link",
        link_to(lambda path: str(path.readlink())[3:]),
        "mismatched",
    ),
}
