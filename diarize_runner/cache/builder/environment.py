"""Build the environment images of a version in DIR/environments/ on the build host, from the wheels in DIR/wheels/.

The same wheels, Python and mksquashfs give the same bytes. An image of an earlier build from the same inputs is kept.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder import byte_code, installed_tree
from diarize_runner.cache.builder.image_tools import ImageTools
from diarize_runner.cache.builder.installed_tree import LEFT_OUT, InstalledTree
from diarize_runner.cache.documents.environments import EnvironmentImage, image_name
from diarize_runner.cache.documents.pins import Pin, Target, WheelName, read_pins
from diarize_runner.cache.documents.wheelhouse import PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_files import IMAGES_FOLDER, WHEELS_FOLDER
from diarize_runner.digests import hash_file
from diarize_runner.disk import flush
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

_CUDA, _REST = "cuda", "rest"
_CUDA_NAMES, _CUDA_PREFIXES = ("torch", "triton"), ("nvidia-", "cuda-")
"""Most of the bytes, which change together: torch pins the others. Its libraries find theirs by relative paths."""
_STEPS = 3
_INPUTS_SUFFIX = ".inputs"
"""Of the file beside an image that says what the image was made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSources:
    """The checked inputs of a version's images."""

    tools: ImageTools
    pins: tuple[Pin, ...]
    """Pins of the packages, without those of the installer."""

    @classmethod
    def read(cls, pythons: Iterable[str], requirements: Path) -> "EnvironmentSources":
        """Find the programs and read the requirements.

        Raises:
            UsageError: mksquashfs or a Python is missing.
            ManifestError: a requirement is not pinned.
        """
        tools = ImageTools.find(pythons)
        return cls(tools=tools, pins=read_pins(requirements.read_text(encoding="utf-8"), str(requirements)))


def build_images(
    sources: EnvironmentSources, house: Wheelhouse, out: Path, workspace: Path, progress: Progress
) -> tuple[EnvironmentImage, ...]:
    """Put exactly the images of `sources` in `out`/environments, and return them, sorted by name.

    `workspace` is a folder on the same disk, for incomplete files.

    Raises:
        UsageError: `house` has no wheel of uv.
        SourceError: a program fails.
        IntegrityError: a package lacks a file that its RECORD lists.
        OSError: a disk operation fails.
    """
    (out / IMAGES_FOLDER).mkdir(exist_ok=True)
    builder = _ImageBuilder(tools=sources.tools, house=house, out=out, workspace=workspace)
    recipes = [recipe for python in sources.tools.interpreters for recipe in _recipes(python, sources.pins)]
    images = [builder.build(recipe, progress) for recipe in sorted(recipes, key=lambda recipe: recipe.name)]
    _remove_others(out / IMAGES_FOLDER, {image.file.name for image in images})
    return tuple(images)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recipe:
    python: str
    part: str
    pins: tuple[Pin, ...]
    """Those of the part that the Python needs."""

    @property
    def name(self) -> str:
        return image_name(self.python, self.part)


def _recipes(python: str, pins: Sequence[Pin]) -> Iterator[_Recipe]:
    """Yield a recipe for each part that has packages."""
    needed = [pin for pin in pins if Target(python=python).requires(pin)]
    for part in (_CUDA, _REST):
        if chosen := tuple(pin for pin in needed if _part_of(pin) == part):
            yield _Recipe(python=python, part=part, pins=chosen)


def _part_of(pin: Pin) -> str:
    name = pin.release[0]
    return _CUDA if name in _CUDA_NAMES or name.startswith(_CUDA_PREFIXES) else _REST


@dataclass(frozen=True, kw_only=True, slots=True)
class _ImageBuilder:
    tools: ImageTools
    house: Wheelhouse
    out: Path
    workspace: Path

    def build(self, recipe: _Recipe, progress: Progress) -> EnvironmentImage:
        """Return the image of an earlier build with the same inputs; otherwise build it."""
        image, inputs = self.out / IMAGES_FOLDER / recipe.name, self._inputs(recipe)
        note = image.with_name(f"{recipe.name}{_INPUTS_SUFFIX}")
        if not _is_built(image, note, inputs):
            self._build(recipe, image, progress)
        file = PublishedFile(name=recipe.name, content=hash_file(image))
        note.write_text(json.dumps({"inputs": inputs, **file.to_dict()}), encoding="utf-8")
        return EnvironmentImage(python=recipe.python, part=recipe.part, file=file, left_out=LEFT_OUT)

    def _build(self, recipe: _Recipe, image: Path, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(dir=self.workspace, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            tree = InstalledTree(root=folder / "tree", tools=self.tools, python=recipe.python)
            uv, packed = _unpack_uv(self._uv_wheel(), folder), folder / recipe.name
            steps: tuple[Callable[[], None], ...] = (
                lambda: tree.install(recipe.pins, self.out / WHEELS_FOLDER, uv, folder),
                tree.compile,
                lambda: tree.pack(packed),
            )
            for done, step in enumerate(steps):
                progress.advance(f"build {recipe.name}", completed=done, total=_STEPS)
                step()
            flush(packed)
            packed.replace(image)
        progress.advance(f"build {recipe.name}", completed=_STEPS, total=_STEPS)

    def _inputs(self, recipe: _Recipe) -> str:
        """Return a digest of all that decides about the bytes of an image."""
        code = [hash_file(Path(module)).digest.hex for module in (byte_code.__file__, installed_tree.__file__)]
        uv = hash_file(self._uv_wheel()).digest.hex
        parts = [*(pin.line for pin in recipe.pins), uv, *self.tools.describe(recipe.python), *code]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _uv_wheel(self) -> Path:
        for wheel in self.house.wheels:
            if WheelName.parse(wheel.name).release[0] == "uv":
                return self.out / WHEELS_FOLDER / wheel.name
        hint = "name the installer's requirements of this toolkit: --installer FILE"
        raise UsageError("the installer's requirements pin no uv, and an image needs it", hint=hint)


def _is_built(image: Path, note: Path, inputs: str) -> bool:
    """Whether `image` was made of `inputs` and is undamaged."""
    with suppress(OSError, ValueError):
        content = hash_file(image)
        stated = json.loads(note.read_text(encoding="utf-8"))
        return bool(stated == {"inputs": inputs, "name": image.name, **content.to_dict()})
    return False


def _unpack_uv(wheel: Path, folder: Path) -> Path:
    """Extract the program from its wheel; return its path."""
    program = folder / "bin-uv"
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        program.write_bytes(archive.read(member))
    program.chmod(0o755)
    return program


def _remove_others(folder: Path, names: set[str]) -> None:
    kept = {*names, *(f"{name}{_INPUTS_SUFFIX}" for name in names)}
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
