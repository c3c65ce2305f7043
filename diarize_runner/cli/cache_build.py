"""`diarize-runner cache build`: make a version of a locked request."""

import argparse
from pathlib import Path

from diarize_runner.cache.build import build
from diarize_runner.cache.lock import lock_path, read_lock
from diarize_runner.cache.manifest import REQUIREMENTS_NAME, SIGNATURE_NAME, read_version
from diarize_runner.cache.request import read_request
from diarize_runner.cache.signature import read_private_key
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "build", run, "fetch what a lock pins; write archive, requirements and manifest")
    parser.add_argument("request", type=Path, metavar="REQUEST.yaml")
    parser.add_argument("--version", required=True, help="such as 1.0; published under v1.0/")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to leave the three files")
    default = Path("requirements", REQUIREMENTS_NAME)
    parser.add_argument("--requirements", type=Path, default=default, metavar="FILE", help=f"default: {default}")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="private key to sign the manifest with")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Build, and name what was built. A key is read first, so that a wrong one costs no build."""
    key = read_private_key(arguments.sign) if arguments.sign else None
    request = read_request(arguments.request)
    manifest = build(
        read_lock(request, lock_path(arguments.request)),
        folder=request.folder,
        version=read_version(arguments.version),
        requirements=arguments.requirements,
        out=arguments.out,
        progress=progress,
    )
    if key:
        with disk_errors(arguments.out):
            write_atomically(arguments.out / SIGNATURE_NAME, key.sign(manifest.to_bytes()))
    archive = manifest.archive.file
    document = {"version": manifest.version, "manifest": str(manifest.digest), "archive": archive.to_dict()}
    size = megabytes(archive.content.size)
    return Result(document=document, text=f"{arguments.out}: {manifest.name} {manifest.version}, {archive.name} {size}")
