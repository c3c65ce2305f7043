"""`diarize-runner cache resolve`: pin the files of a request."""

import argparse
from pathlib import Path

from diarize_runner.cache.builder.hub import pop_token
from diarize_runner.cache.builder.resolve import resolve
from diarize_runner.cache.documents.lock import lock_path
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache resolve`."""
    parser.add_argument("request", type=Path, metavar="REQUEST.yaml")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Write the lock if it changed."""
    request = read_request(arguments.request)
    lock, path = resolve(request, progress, pop_token()), lock_path(arguments.request)
    data = lock.to_bytes()
    changed = not path.is_file() or path.read_bytes() != data
    if changed:
        with disk_errors(path):
            write_atomically(path, data)
    files = [file for repo in lock.repos for file in repo.files]
    size = sum(file.content.size for file in files)
    return Result(
        document={"changed": changed, "lock": str(path), "files": len(files), "bytes": size},
        text=f"{path}: {len(files)} files, {megabytes(size)}" + ("" if changed else ", unchanged"),
    )
