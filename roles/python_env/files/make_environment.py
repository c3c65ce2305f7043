#!/usr/bin/env python3
"""Create a Python environment from hash-pinned locks. If a run is killed, the next one starts over.

The script runs on the box and needs only the standard library. It prints one JSON document: the environment's folder,
and whether it existed before. With --wheels, only those files determine what is installed: no package index, no
variable of pip or uv, and no configuration file.
Concurrent runs take turns with a kernel lock, which is released if its holder dies.
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
"""A copy from diarize_runner/child.py, which is not installed when this script runs."""


def main() -> None:
    """Create the environment unless it exists."""
    os.umask(0o022)  # the user of the spool must be able to read the environment
    arguments = read_arguments()
    if arguments.wheels:
        clear_settings()
    folder = arguments.under / environment_name(arguments)
    existed = is_complete(folder) if arguments.plan else not ensure_environment(folder, arguments)
    json.dump({"there": existed, "folder": str(folder)}, sys.stdout)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Create a Python environment from hash-pinned locks.")
    parser.add_argument("--under", type=Path, required=True, help="the parent folder of environments")
    parser.add_argument("--lock", type=Path, required=True, help="the hash-pinned requirements to install")
    parser.add_argument("--package", type=Path, required=True, help="the toolkit's wheel to install")
    parser.add_argument("--wheels", type=Path, help="install only wheels of this folder; contact no package index")
    fetch_help = "the command that fills the --wheels folder, which is removed afterwards; must be the last option"
    parser.add_argument("--fetch", nargs=argparse.REMAINDER, default=[], metavar="COMMAND", help=fetch_help)
    parser.add_argument("--uv", type=Path, help="the uv to install with (default: the one in --wheels, else pip)")
    parser.add_argument("--uv-cache", type=Path, help="a persistent cache folder for uv (default: none)")
    parser.add_argument("--plan", action="store_true", help="print whether the environment exists, and change nothing")
    return parser.parse_args()


def clear_settings() -> None:
    """Delete the environment variables that configure pip, uv and Python."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "PYTHON")):
            del os.environ[name]


def environment_name(arguments: argparse.Namespace) -> str:
    """Return a name from the digests of the lock and the package, so that the same inputs share an environment."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (arguments.lock, arguments.package)]
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:12]


def is_complete(folder: Path) -> bool:
    """Whether a complete environment exists."""
    return (folder / MARK).is_file()


def ensure_environment(folder: Path, arguments: argparse.Namespace) -> bool:
    """Create the environment unless it exists, one process at a time; return whether this call created it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if is_complete(folder):
            return False
        create_environment(folder, arguments)
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock; wait for it if another process holds it. Exits if the file system has no locks."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        acquire_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def acquire_lock(descriptor: int, path: Path) -> None:
    """Lock an open file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as reason:
        if reason.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        fail(f"{path} cannot be locked: {reason.strerror}", "use a folder on a local disk, or mount NFS without nolock")


def create_environment(folder: Path, arguments: argparse.Namespace) -> None:
    """Create the environment, replacing what a killed run left. Writes the mark last."""
    shutil.rmtree(folder, ignore_errors=True)
    if arguments.fetch:
        run(*arguments.fetch, environment=store_variables())
    # uv needs no pip in the environment, so Python suffices: python3-venv is not required.
    run(sys.executable, "-I", "-m", "venv", *(["--without-pip"] if arguments.uv or arguments.wheels else []), folder)
    lock = shutil.copyfile(arguments.lock, folder / "requirements.txt")
    source = ["--no-index", f"--find-links={arguments.wheels.absolute().as_uri()}"] if arguments.wheels else []
    with installer(folder, arguments) as install:
        run(*install, *source, "--require-hashes", f"--requirement={lock}")
        run(*install, "--no-index", "--no-deps", arguments.package)
    if arguments.fetch:
        shutil.rmtree(arguments.wheels)
    write_durably(folder / MARK, f"{arguments.lock.name} and {arguments.package.name}\n")


@contextmanager
def installer(folder: Path, arguments: argparse.Namespace) -> Iterator[list[object]]:
    """Yield the command that installs into `folder`."""
    if not (arguments.uv or arguments.wheels):
        yield [folder / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        return
    uv = arguments.uv or unpack_uv(find_uv(arguments.wheels, arguments.lock), folder / "bin/uv")
    # On the environment's file system, so that uv can link files instead of copying them.
    scratch = folder.with_name(f".{folder.name}.uv-cache")
    shutil.rmtree(scratch, ignore_errors=True)  # a killed run leaves partly unpacked wheels
    offline = ["--no-config", "--offline", "--no-build"] if arguments.wheels else []
    cache = f"--cache-dir={arguments.uv_cache or scratch}"
    yield [uv, "pip", "install", *offline, f"--python={folder}/bin/python", cache]
    shutil.rmtree(scratch, ignore_errors=True)


def find_uv(wheels: Path, lock: Path) -> Path:
    """Return the path of the uv wheel that the lock pins."""
    pinned = lock.read_text(encoding="utf-8")
    for wheel in wheels.glob("uv-*.whl"):
        if f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in pinned:
            return wheel
    return fail(f"{wheels} has no wheel of uv that {lock.name} pins", "fetch the wheels again")


def unpack_uv(wheel: Path, target: Path) -> Path:
    """Extract the program from its wheel; return its path."""
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(0o755)
    return target


def without_secrets() -> dict[str, str]:
    """Return the environment variables without secrets, except credentials of a package index."""
    kept = ("PIP_", "UV_")
    return {name: value for name, value in os.environ.items() if name.startswith(kept) or not SECRET.search(name)}


def store_variables() -> dict[str, str]:
    """Return the environment variables for a command that reads a store, including AWS credentials."""
    return {**without_secrets(), **{name: value for name, value in os.environ.items() if name.startswith("AWS_")}}


def run(*command: object, environment: Mapping[str, str] | None = None) -> None:
    """Run a command with its output on stderr; exit if it fails."""
    words, environment = [str(word) for word in command], environment or without_secrets()
    done = subprocess.run(words, stdout=sys.stderr, env=environment, check=False)  # noqa: S603  # built above, no shell
    if done.returncode:
        fail(f"{' '.join(words[:4])} failed ({done.returncode})", "see its output above")


def write_durably(path: Path, text: str) -> None:
    """Flush all earlier writes to disk, then write a file atomically and flush it."""
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
    """Exit with an error and a hint."""
    sys.exit(f"error: {problem}\nhint: {hint}")


if __name__ == "__main__":
    main()
