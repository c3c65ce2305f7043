"""`diarize-runner cache environment`: download the images of a version's packages."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.builder.pythons import SUPPORTED_PYTHONS, current_python
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import add_rate_option, add_store_option
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache environment`."""
    add_store_option(parser)
    parser.add_argument("--version", default=LATEST, help=f"default: {LATEST}")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="a folder for images")
    parser.add_argument("--python", choices=SUPPORTED_PYTHONS, help="target Python (default: the one that runs this)")
    parser.add_argument("--plan", action="store_true", help="print which images the version has, and download nothing")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="accept only what this key signed")
    parser.add_argument(
        "--allow-older", action="store_true", help="accept a latest that is older than the last one restored"
    )
    add_rate_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Download the images."""
    from diarize_runner.cache.box.environment_images import (
        FetchedImages,
        ImageQuery,
        fetch_images,
        image_file_name,
        plan_images,
    )

    store, folder = open_store(arguments.store, arguments.retry_policy), SyncedFolder(root=arguments.into)
    seen_serial = None if arguments.allow_older else folder.serial
    version = VersionQuery(version=arguments.version, public_key=arguments.public_key, seen_serial=seen_serial)
    query = ImageQuery(version=version, python=arguments.python or current_python())
    if arguments.plan:
        fetched = FetchedImages(plan=plan_images(store, query), fetched=(), moved=0)
    else:
        fetched = fetch_images(store, query, folder, progress)
    published, images = fetched.plan.published, fetched.plan.images
    manifest = published.manifest
    document = {
        "changed": bool(fetched.fetched),
        "name": manifest.name,
        "version": manifest.version,
        "serial": published.serial,
        "manifest": str(manifest.digest),
        "requirements": str(manifest.requirements.content.digest),
        "python": query.python,
        "bytes_moved": fetched.moved,
        "folder": str(folder.root),
        "images": [
            {"part": image.part, "file": image_file_name(image.file.content.digest), **image.file.content.to_dict()}
            for image in images
        ],
    }
    state = f"{megabytes(fetched.moved)} moved" if fetched.fetched else "unchanged"
    what = f"{len(images)} images of {manifest.name} {manifest.version} for Python {query.python}"
    return Result(document=document, text=f"{folder.root}: {what}, {state}")
