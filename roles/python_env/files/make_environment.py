#!/usr/bin/env python3
"""Create a Python environment from hash-pinned locks. If a run is killed, the next one starts over.

The script runs on the box and needs only the standard library. It prints one JSON document: the environment's folder,
whether it existed before, and whether its packages are in wheels or in images. With --wheels, only those files
determine what is installed: no package index, no variable of pip or uv, and no configuration file. With --fetch-images,
if the store has images of the locked packages, the environment holds only the toolkit, and finds the packages in images
that systemd mounts, also after a reboot. Concurrent runs take turns with a kernel lock, which is released if its holder
dies.
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

MARK, IMAGES = ".complete", "images.json"
UNITS = Path("/etc/systemd/system")
GIB = 1 << 30
NO_SUCH_COMMAND = 2
"""The exit code of a toolkit that knows no images."""
UNIT = """\
[Unit]
Description=Python packages of diarize-runner
Before={readers}

[Mount]
What={image}
Where={point}
Type=squashfs
Options=loop,ro,nodev,nosuid
# As a removed folder does, a removed image stays until the last process that uses it ends.
LazyUnmount=yes

[Install]
WantedBy=local-fs.target {readers}
"""
"""Wanted, not required: the image of the previous release, if it is damaged, must not stop the current one."""
SECRET = re.compile(
    r"(?:^|_)(?:TOKENS?|SECRETS?|KEYS?|PASS|PASSWD|PASSWORDS?|CREDENTIALS?|AUTHORIZATION)(?:_|$)", re.IGNORECASE
)
"""A copy from diarize_runner/child.py, which is not installed when this script runs."""


def main() -> None:
    """Create the environment unless it exists."""
    os.umask(0o022)  # the user of the spool must be able to read the environment
    arguments = read_arguments()
    if arguments.wheels or arguments.fetch_images:
        clear_settings()
    json.dump(make(arguments) if arguments.lock.is_file() else predict(arguments), sys.stdout)


def make(arguments: argparse.Namespace) -> dict[str, object]:
    """Create the environment unless it exists; with --plan only check whether it does."""
    images = find_images(arguments)
    folder = arguments.under / environment_name(arguments, images)
    if arguments.plan:
        existed = is_complete(folder, images)
        if not existed:
            require_space(arguments)
    else:
        existed = not ensure_environment(folder, arguments, images)
    return {"there": existed, "folder": str(folder), "packages": "images" if images else "wheels"}


def predict(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the plan without a lock, which an earlier task would copy."""
    if not arguments.plan:
        fail(f"{arguments.lock} does not exist", "copy the lock to the box first")
    return {"there": False, "folder": str(arguments.under / "predicted"), "packages": "not known yet"}


def require_space(arguments: argparse.Namespace) -> None:
    """Exit if too little disk space is free for a new environment."""
    existing = next(path for path in (arguments.under, *arguments.under.parents) if path.exists())
    free = shutil.disk_usage(existing).free / GIB
    if free < arguments.min_free_gib:
        fail(
            f"{free:.1f} GiB are free under {arguments.under}, and an environment needs {arguments.min_free_gib:g}",
            "free some space; python_env_min_free_gib is the limit",
        )


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
    fetch_help = "the command, as JSON, that fetches images to the --images folder; with --plan it lists them"
    parser.add_argument("--fetch-images", type=json.loads, default=[], metavar="JSON", help=fetch_help)
    parser.add_argument("--images", type=Path, help="the folder of images, in which they are mounted")
    parser.add_argument("--receipt", type=Path, help="the file that lists what --fetch-images creates elsewhere")
    parser.add_argument("--reader", action="append", default=[], metavar="UNIT", help="a service to mount images for")
    free_help = "the GiB that must be free before an environment is created (default: 0)"
    parser.add_argument("--min-free-gib", type=float, default=0, metavar="GIB", help=free_help)
    parser.add_argument("--plan", action="store_true", help="print whether the environment exists, and change nothing")
    return parser.parse_args()


def clear_settings() -> None:
    """Delete the environment variables that configure pip, uv and Python."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "PYTHON")):
            del os.environ[name]


def environment_name(arguments: argparse.Namespace, images: list[dict[str, str]]) -> str:
    """Return a name from the digests of the lock and the package, so that the same inputs share an environment."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (arguments.lock, arguments.package)]
    return hashlib.sha256(" ".join([*digests, *(["images"] if images else [])]).encode()).hexdigest()[:12]


def find_images(arguments: argparse.Namespace) -> list[dict[str, str]]:
    """Return the images of an existing environment, else those in the store: none means to install wheels."""
    if not arguments.fetch_images:
        return []
    listed = arguments.under / environment_name(arguments, [{}]) / IMAGES
    if listed.with_name(MARK).is_file():
        return described(json.loads(listed.read_text(encoding="utf-8"))["images"], arguments)
    command = [*arguments.fetch_images, "--plan"]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=store_variables(), check=False)  # noqa: S603  # no shell
    if done.returncode == NO_SUCH_COMMAND:
        return []
    if done.returncode:
        fail("the images in the store cannot be listed", "see the output above")
    found = json.loads(done.stdout)
    images = described(found["images"], arguments)
    if images and found["requirements"] != f"sha256:{hashlib.sha256(arguments.lock.read_bytes()).hexdigest()}":
        fail(f"the images of version {found['version']} are of another lock", "run again: latest/ has moved meanwhile")
    return images


def described(images: list[dict[str, str]], arguments: argparse.Namespace) -> list[dict[str, str]]:
    """Return the file, the mount point and the unit of each image, with its digest and size."""
    points = {image["digest"]: str(arguments.images / image["digest"][7:19]) for image in images}
    escape = ["systemd-escape", "--path", "--suffix=mount", *points.values()]
    environment = without_secrets()
    said = subprocess.check_output(escape, env=environment, text=True) if images else ""  # noqa: S603  # no user input
    names = dict(zip(points, said.split(), strict=True))
    return [
        {
            **image,
            "path": str(arguments.images / image["file"]),
            "point": points[image["digest"]],
            "unit": names[image["digest"]],
        }
        for image in images
    ]


def is_complete(folder: Path, images: list[dict[str, str]]) -> bool:
    """Whether a complete environment exists, and its images are mounted."""
    return (folder / MARK).is_file() and all(is_mounted(image) for image in images)


def is_mounted(image: dict[str, str]) -> bool:
    """Whether an image and its unit exist, and it is mounted."""
    file = Path(image["path"])
    right = file.is_file() and file.stat().st_size == int(image["size"])
    return right and (UNITS / image["unit"]).is_file() and Path(image["point"]).is_mount()


def ensure_environment(folder: Path, arguments: argparse.Namespace, images: list[dict[str, str]]) -> bool:
    """Create the environment unless it exists, one process at a time; return whether this call created it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if is_complete(folder, images):
            return False
        require_space(arguments)
        if images:
            list_in_receipt(
                arguments.receipt,
                [image["path"] for image in images] + [str(UNITS / image["unit"]) for image in images],
            )
            unmounted = [image["unit"] for image in images if not is_mounted(image)]
            run(*arguments.fetch_images, environment=store_variables())
            mount(images, unmounted, arguments.reader)
        if not (folder / MARK).is_file():
            create_environment(folder, arguments, images)
    return True


def list_in_receipt(receipt: Path, paths: list[str]) -> None:
    """Add paths to the receipt, before they exist."""
    listed = json.loads(receipt.read_text(encoding="utf-8"))
    listed["paths"] += [path for path in paths if path not in listed["paths"]]
    write_durably(receipt, json.dumps(listed, indent=4, sort_keys=True, ensure_ascii=False) + "\n")


def mount(images: list[dict[str, str]], unmounted: list[str], readers: list[str]) -> None:
    """Mount the images of the `unmounted` units now, and all at each boot."""
    for image in images:
        Path(image["point"]).mkdir(exist_ok=True)
        text = UNIT.format(image=image["path"], point=image["point"], readers=" ".join(readers))
        write_durably(UNITS / image["unit"], text)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--quiet", *[image["unit"] for image in images])
    for unit in unmounted:
        run("systemctl", "restart", unit)


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


def create_environment(folder: Path, arguments: argparse.Namespace, images: list[dict[str, str]]) -> None:
    """Create the environment, replacing what a killed run left. Writes the mark last."""
    shutil.rmtree(folder, ignore_errors=True)
    fetch = arguments.fetch if not images else []
    if fetch:
        run(*fetch, environment=store_variables())
    # uv needs no pip in the environment, so Python suffices: python3-venv is not required.
    run(sys.executable, "-I", "-m", "venv", *(["--without-pip"] if arguments.uv or arguments.wheels else []), folder)
    lock = shutil.copyfile(arguments.lock, folder / "requirements.txt")
    source = ["--no-index", f"--find-links={arguments.wheels.absolute().as_uri()}"] if arguments.wheels else []
    with installer(folder, arguments) as install:
        if images:
            point_to(images, folder)
        else:
            run(*install, *source, "--require-hashes", f"--requirement={lock}")
        run(*install, "--no-index", "--no-deps", arguments.package)
    if fetch:
        shutil.rmtree(arguments.wheels)
    write_durably(folder / MARK, f"{arguments.lock.name} and {arguments.package.name}\n")


def point_to(images: list[dict[str, str]], folder: Path) -> None:
    """Make Python find the packages of the images, and process the .pth files in them."""
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    lines = [f"import site; site.addsitedir({image['point']!r})\n" for image in images]
    (site_packages / "diarize_runner_images.pth").write_text("".join(lines), encoding="utf-8")
    (folder / IMAGES).write_text(json.dumps({"images": images}, indent=2) + "\n", encoding="utf-8")


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
