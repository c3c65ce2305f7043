#!/usr/bin/env python3
"""Make a Python environment from hash-pinned locks: whole, or to be made afresh by the next run.

It runs on the box, with nothing but Python's own library, and prints one JSON document: where the environment is, and
whether it was there already. With --wheels, nothing but those files decides what is installed: no package index, no
variable of pip or uv, and no configuration file.
Two at once take turns, by a lock that the kernel takes back when its holder dies.
"""

import argparse
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

MARK = ".complete"
SECRET = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|KEYS?|PASS|PASSWD|PASSWORDS?|CREDENTIALS?|AUTHORIZATION)(?:_|$)", re.IGNORECASE
)
"""As diarize_runner/child.py has it, which is not there yet when this runs."""


def main() -> None:
    """Make it, or find it made."""
    wanted = read_arguments()
    if wanted.wheels:
        forget_settings()
    folder = wanted.under / name_of(wanted)
    there = is_made(folder) if wanted.plan else not made(folder, wanted)
    json.dump({"there": there, "folder": str(folder)}, sys.stdout)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a Python environment from hash-pinned locks.")
    parser.add_argument("--under", type=Path, required=True, help="the folder to make it in, under a name of its own")
    parser.add_argument("--lock", type=Path, required=True, help="the lock of what goes in")
    parser.add_argument("--package", type=Path, required=True, help="the toolkit's own wheel, which goes in too")
    parser.add_argument("--wheels", type=Path, help="take every wheel from this folder, and ask no package index")
    described = "fill that folder by this command first, and take it away afterwards; the last option"
    parser.add_argument("--fetch", nargs=argparse.REMAINDER, default=[], metavar="COMMAND", help=described)
    parser.add_argument("--uv", type=Path, help="the uv to install with; else that of --wheels, else pip installs")
    parser.add_argument("--uv-cache", type=Path, help="keep what uv fetches here; else it is gone afterwards")
    parser.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
    return parser.parse_args()


def forget_settings() -> None:
    """Take away the variables by which pip, uv and Python are configured."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "PYTHON")):
            del os.environ[name]


def name_of(wanted: argparse.Namespace) -> str:
    """Return a name that other files would not give: the same inputs share an environment."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (wanted.lock, wanted.package)]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:12]


def is_made(folder: Path) -> bool:
    """Whether an environment is there and whole."""
    return (folder / MARK).is_file()


def made(folder: Path, wanted: argparse.Namespace) -> bool:
    """Make the environment, unless it is there by the time nobody else makes it; say whether it was made now."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if is_made(folder):
            return False
        make(folder, wanted)
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else has the lock; where the file system has no locks, end this run."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        wait_for(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def wait_for(descriptor: int, path: Path) -> None:
    """Lock an open file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as reason:
        if reason.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        fail(f"{path} cannot be locked: {reason.strerror}", "use a folder on a local disk (NFS: not with nolock)")


def make(folder: Path, wanted: argparse.Namespace) -> None:
    """Make it afresh: what a killed run left half done is not worth trusting. The mark comes last."""
    shutil.rmtree(folder, ignore_errors=True)
    if wanted.fetch:
        run(*wanted.fetch, environment=for_the_store())
    # Where uv installs, nothing but Python is needed, not even python3-venv.
    run(sys.executable, "-I", "-m", "venv", *(["--without-pip"] if wanted.uv or wanted.wheels else []), folder)
    lock = shutil.copyfile(wanted.lock, folder / "requirements.txt")
    source = ["--no-index", f"--find-links={wanted.wheels}"] if wanted.wheels else []
    with installer(folder, wanted) as install:
        run(*install, *source, "--require-hashes", f"--requirement={lock}")
        run(*install, "--no-index", "--no-deps", wanted.package)
    if wanted.fetch:
        shutil.rmtree(wanted.wheels)
    write_last(folder / MARK, f"{wanted.lock.name} and {wanted.package.name}\n")


@contextmanager
def installer(folder: Path, wanted: argparse.Namespace) -> Iterator[list[object]]:
    """Yield the command that installs into `folder`."""
    if not (wanted.uv or wanted.wheels):
        yield [folder / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        return
    uv = wanted.uv or unpack_uv(find_uv(wanted.wheels, wanted.lock), folder / "bin/uv")
    # On the disk of the environment, so that uv links rather than copies.
    scratch = folder.with_name(f".{folder.name}.uv-cache")
    shutil.rmtree(scratch, ignore_errors=True)  # a killed run leaves wheels in it that are half unpacked
    alone = ["--no-config", "--offline", "--no-build"] if wanted.wheels else []
    cache = f"--cache-dir={wanted.uv_cache or scratch}"
    yield [uv, "pip", "install", *alone, f"--python={folder}/bin/python", cache]
    shutil.rmtree(scratch, ignore_errors=True)


def find_uv(wheels: Path, lock: Path) -> Path:
    """Return the wheel of uv that the lock pins."""
    pinned = lock.read_text(encoding="utf-8")
    for wheel in wheels.glob("uv-*.whl"):
        if f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in pinned:
            return wheel
    return fail(f"{wheels} has no wheel of uv that {lock.name} pins", "fetch the wheels again")


def unpack_uv(wheel: Path, target: Path) -> Path:
    """Take the program out of its wheel; return where it is."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(0o755)
    return target


def without_secrets() -> dict[str, str]:
    """Return the variables for what signs in nowhere but at a package index."""
    kept = ("PIP_", "UV_")
    return {name: value for name, value in os.environ.items() if name.startswith(kept) or not SECRET.search(name)}


def for_the_store() -> dict[str, str]:
    """Return the variables for what reads a store, which may be a bucket."""
    return {**without_secrets(), **{name: value for name, value in os.environ.items() if name.startswith("AWS_")}}


def run(*command: object, environment: Mapping[str, str] | None = None) -> None:
    """Run a command; what it says goes to stderr, and its failure ends this run."""
    words, environment = [str(word) for word in command], environment or without_secrets()
    done = subprocess.run(words, stdout=sys.stderr, env=environment, check=False)  # noqa: S603  # built above, no shell
    if done.returncode:
        fail(f"{' '.join(words[:4])} failed ({done.returncode})", "what it said stands above")


def write_last(path: Path, text: str) -> None:
    """Write a file whole, after everything before it is on the disk, and wait until it is there too."""
    os.sync()
    fresh = path.with_name(f"{path.name}-fresh")
    fresh.unlink(missing_ok=True)
    with fresh.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def fail(problem: str, hint: str) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    sys.exit(f"error: {problem}\nhint: {hint}")


if __name__ == "__main__":
    main()
