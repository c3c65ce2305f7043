"""Small Debian packages with the names of real ones, and mirrors of them."""

import email.utils
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package to build."""

    name: str
    version: str = "1"
    replaces: str = ""
    files: dict[str, str] = field(default_factory=dict)
    """Contents of executable files, by path."""

    def build(self, folder):
        """Write the package into `folder`; return its path."""
        tree, deb = folder / f"{self.name}.tree", folder / f"{self.name}_{self.version}_all.deb"
        for path, content in {"DEBIAN/control": self._control, **self.files}.items():
            file = tree / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755)
        run("dpkg-deb", "--root-owner-group", "--build", tree, deb)
        shutil.rmtree(tree)
        return deb

    @property
    def _control(self):
        lines = [f"Package: {self.name}", f"Version: {self.version}", "Architecture: all", "Maintainer: nobody"]
        lines += [f"{how}: {self.replaces}" for how in ("Replaces", "Conflicts") if self.replaces]
        return "\n".join([*lines, "Description: stands in for the real one", ""])


def make_mirror(folder):
    """Make `folder` a flat mirror of its packages, for `deb [trusted=yes] URL ./`."""
    stanzas = []
    for deb in sorted(folder.glob("*.deb")):
        place = f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256(deb)}\n"
        stanzas.append(run("dpkg-deb", "--field", deb) + place)
    (folder / "Packages").write_text("\n".join(stanzas))


def sign_mirror(folder, key_name):
    """Sign a mirror with a new key, and write the key to it as `key_name`; return the fingerprint."""
    index = folder / "Packages"
    lines = [
        f"Date: {email.utils.formatdate()}",
        "SHA256:",
        f" {sha256(index)} {index.stat().st_size} {index.name}",
        "",
    ]
    (folder / "Release").write_text("\n".join(lines))
    # A short path: gpg creates a socket there, whose path is limited to 107 bytes.
    with TemporaryDirectory(prefix="gnupg-", dir="/tmp") as home:
        try:
            gpg(home, "--quick-generate-key", "--passphrase", "", "a test <test@example.org>", "rsa2048", "sign")
            gpg(home, "--clearsign", "--output", folder / "InRelease", folder / "Release")
            (folder / key_name).write_text(gpg(home, "--armor", "--export"))
            listed = gpg(home, "--with-colons", "--list-keys").splitlines()
            return next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all")


def gpg(home, *arguments):
    return run("gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", *arguments)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(*command):
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
