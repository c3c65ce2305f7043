"""A build host that gathers wheels, with a folder as its package index."""

import os
from dataclasses import dataclass
from pathlib import Path

from support.caches import OLD, write_lock, write_request
from support.wheels import index_settings, pinned, write_wheel

from diarize_runner.cache.builder.gather import WheelSources
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.request import read_request
from diarize_runner.progress import NoProgress

MANYLINUX = "manylinux_2_28_x86_64"
FOR_311, FOR_312 = (f"speech-1.0-{tag}-{tag}-{MANYLINUX}.whl" for tag in ("cp311", "cp312"))
FOR_ANY, COMMON, OLDER, TOOL = (
    f"{name}-py3-none-any.whl" for name in ("speech-1.0", "common-2.0", "common-1.9", "tool-3.0")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelHost:
    """Its requirements pin speech and common, its installer requirements tool and common."""

    folder: Path

    @property
    def index(self):
        return self.folder / "index"

    @property
    def out(self):
        return self.folder / "out"

    @property
    def requirements(self):
        return self.folder / "requirements.txt"

    @property
    def installer(self):
        return self.folder / "installer.txt"

    def prepare(self):
        """Fill the index: speech has wheels for 3.11, 3.12 and any Python; Python 3.10 needs an older common."""
        members = {"speech.py": b"said = 'hello'\n"}
        tags = [f"cp311-cp311-{MANYLINUX}", f"cp312-cp312-{MANYLINUX}", "py3-none-any"]
        speech = [write_wheel(self.index, "speech", "1.0", {**members, tag: b""}, tag=tag) for tag in tags]
        common, older = (write_wheel(self.index, "common", version, {}) for version in ("2.0", "1.9"))
        newer = pinned(common, marker='python_version != "3.10"')
        self.requirements.write_text(pinned(*speech) + newer + pinned(older, marker='python_version == "3.10"'))
        self.installer.write_text(pinned(write_wheel(self.index, "tool", "3.0", {})) + newer)
        write_lock(write_request(self.folder, OLD))

    def sources(self, *pythons, toolkit=None):
        return WheelSources.read(
            pythons or ["3.11"], requirements=self.requirements, installer=self.installer, toolkit=toolkit
        )

    def build(self, *pythons, toolkit=None, out=None):
        """Build version 1.0 with its wheels; return the manifest."""
        request = self.folder / "tiny.yaml"
        return build(
            read_lock(read_request(request), lock_path(request)),
            folder=self.folder,
            version="1.0",
            requirements=self.requirements,
            out=out or self.out,
            progress=NoProgress(),
            wheels=self.sources(*pythons, toolkit=toolkit),
        )

    def build_with_own_index(self):
        """Build with pip's index set in the environment; call it in a forked process."""
        os.environ.update(index_settings(self.index))
        self.build()

    def built_wheels(self):
        """Return the built wheels, by name."""
        return {path.name: path for path in (self.out / "wheels").glob("*.whl")}
