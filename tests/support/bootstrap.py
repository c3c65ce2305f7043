"""A store for bootstrap.sh with a fake toolkit, which records its arguments and provisions nothing."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

from diarize_runner.cache.documents.pointer import Pointer
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.digests import hash_bytes

SCRIPT = (Path(__file__).parents[2] / "scripts/bootstrap.sh").read_bytes()
WHEEL = "diarize_runner-0.1.0-py3-none-any.whl"

# Has the arguments and the output of roles/python_env/files/make_environment.py.
_MAKE = """\
import json, pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--under") + 1], "made")
(folder / "bin").mkdir(parents=True, exist_ok=True)
for name, script in {"ansible-playbook": %r, "python": %r}.items():
    (folder / "bin" / name).write_text(script)
    (folder / "bin" / name).chmod(0o755)
(folder / ".complete").touch()
print(json.dumps({"there": False, "folder": str(folder)}))
"""
_PROVISION = """\
#!/bin/sh
home=$(dirname "$0")/../..
cp "${3#@}" "$home/../variables.json"
env >"$home/../environment"
pwd >"$home/../from"
echo '{"paths": [], "folders": []}' >"$home/../receipt.json"
"""
_RESET = """\
#!/usr/bin/env python3
import json, pathlib, sys
home = pathlib.Path(json.loads(sys.argv[-1])["diarize_runner_prefix"], "opt/diarize-runner")
for name in ("variables.json", "environment", "from", "receipt.json"):
    (home / name).unlink()
"""
_TOOLKIT = {
    "roles/python_env/files/make_environment.py": _MAKE % (_PROVISION, _RESET),
    "playbooks/provision.yml": "",
}


def pinned(name, data):
    """Return a manifest entry."""
    return {"name": name, "size": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}


def write_store(folder, *, version="1.0", wheel=b"wheel", serial=1):
    """Publish a version in `folder` as the latest."""
    files = {name: name.encode() for name in ("requirements-installer.txt", "requirements-diarization.txt")}
    files["toolkit.tar"] = _tar(_TOOLKIT)
    entry = pinned(WHEEL, wheel)
    installer = pinned("requirements-installer.txt", files["requirements-installer.txt"])
    manifest = {
        "format": "diarize-runner/manifest/2",
        "version": version,
        "requirements": pinned("requirements-diarization.txt", files["requirements-diarization.txt"]),
        "sections": {
            "wheels": {"installer": installer, "files": [entry]},
            "bootstrap": {"toolkit": pinned("toolkit.tar", files["toolkit.tar"])},
        },
    }
    files["manifest.json"] = json.dumps(manifest).encode()
    entry = PublishedFile(name=f"v{version}/manifest.json", content=hash_bytes(files["manifest.json"]))
    pointer = Pointer(serial=serial, version=version, previous=None, manifest=entry)
    files = {f"v{version}/{name}": data for name, data in files.items()}
    files[f"wheels/sha256/{hashlib.sha256(wheel).hexdigest()}/{WHEEL}"] = wheel
    files["latest/manifest.json"] = pointer.to_bytes()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def sign(store, folder):
    """Sign version 1.0 and latest with a new key; return the path of the public key."""
    manifest, latest = store / "v1.0/manifest.json", store / "latest/manifest.json"
    for command in (
        "openssl genpkey -algorithm ed25519 -out key.pem",
        "openssl pkey -in key.pem -pubout -out key.pub",
        f"openssl pkeyutl -sign -rawin -inkey key.pem -in {manifest} -out {manifest}.sig",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    pointer = Pointer.from_bytes(latest.read_bytes(), "latest")
    latest.write_bytes(pointer.signed(read_private_key(folder / "key.pem").sign).to_bytes())
    return folder / "key.pub"


def command(*arguments, shell="bash"):
    """Return the command that runs a script from stdin, as `curl | bash -s -- ...` does."""
    return [shell, "-s", "--", *map(str, arguments)]


def environment(home, **more):
    """Return the environment of a user, with TMPDIR in the home folder."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), **more}


def _tar(files):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()
