"""A model of a disk that executes system calls and knows which states a power cut may leave:

    file content       durable after fsync of the file; before, it may be old, empty, zeros, half or complete
    name in a folder   durable after fsync of the folder; before, each name may have changed or not
    rename             atomic, and durable after fsync of the target folder

Linux file systems promise more than POSIX, which this models: without fsync, a rename may reach the disk before the
data written earlier, and a later rename in another folder before an earlier one.
"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from support.system_calls import Opened

LATEST, LOST, ZEROS, HALF = "latest", "lost", "zeros", "half"
_KEPT = {
    LATEST: lambda file: bytes(file.data),
    LOST: lambda file: file.synced,
    ZEROS: lambda file: bytes(len(file.data)),
    HALF: lambda file: bytes(file.data[: len(file.data) // 2]),
}


class MissingFolder(Exception):
    """A folder on the path does not exist yet."""


@dataclass(eq=False)
class File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    @property
    def dirty(self):
        return self.data != self.synced


@dataclass(eq=False)
class Folder:
    names: dict = field(default_factory=dict)
    synced: dict = field(default_factory=dict)


@dataclass(eq=False)
class Link:
    target: str


@dataclass(eq=False)
class Change:
    """An atomic change of `names`, a list of (folder, name, new entry or None), durable after fsync of a folder."""

    names: list
    durable_with: Folder


class Disk:
    """The content of the folder `root`, and the part of it that is durable; at first, everything is."""

    def __init__(self, root):
        self.root, self._top = Path(root), self._read(Path(root))
        self._pending, self._opened = [], {}

    def apply(self, call):
        """Execute a system call; return whether it changed this folder."""
        return getattr(self, f"_{call.name}")(call.result, *call.arguments)

    def states(self, chance, most):
        """Yield possible states after a power cut, by path: bytes of a file, target of a link, None for a folder.

        At most `most` states: the worst first, then random others.
        """
        for landed, kept in self._fates(chance, most):
            yield self._state(landed, kept)

    def _fates(self, chance, most):
        """Return pairs of the name changes that reached the disk, and the state of unflushed data."""
        pending = self._pending
        worst = [([], LOST), ([], ZEROS), (pending, LOST), (pending, ZEROS), (pending, HALF)]
        one_by_one = [
            landed for k, each in enumerate(pending) for landed in (pending[:k], [each], _without(pending, each))
        ]
        by_chance = [[each for each in pending if chance.random() < 0.5] for _ in range(8 if pending else 0)]
        others = [(landed, kept) for landed in (*one_by_one, *by_chance) for kept in (LOST, LATEST)]
        others += [([], LATEST), ([], HALF), (pending, LATEST)]
        chance.shuffle(others)
        return (worst + others)[:most]

    def _state(self, landed, kept):
        changed = defaultdict(dict)
        for change in landed:
            for folder, name, what in change.names:
                changed[folder][name] = what
        state, waiting = {}, [("", self._top)]
        while waiting:
            path, folder = waiting.pop()
            for name, what in {**folder.synced, **changed[folder]}.items():
                inner = f"{path}/{name}" if path else name
                if isinstance(what, Folder):
                    waiting.append((inner, what))
                    state[inner] = None
                elif isinstance(what, Link):
                    state[inner] = what.target
                elif what is not None:
                    state[inner] = _KEPT[kept](what) if what.dirty else what.synced
        return state

    def _read(self, path):
        if path.is_symlink():
            return Link(str(path.readlink()))
        if path.is_file():
            data = path.read_bytes()
            return File(bytearray(data), data)
        names = {inner.name: self._read(inner) for inner in path.iterdir()}
        return Folder(names, dict(names))

    def _find(self, path, *, follow=True):
        """Return (folder, name, entry) of a path; None when it leads outside `root`."""
        if not path.startswith(f"{self.root}/"):
            return (None, "", self._top) if path == str(self.root) else None
        folder, left = self._top, path[len(str(self.root)) + 1 :].split("/")
        for name in left[:-1]:
            if name not in folder.names:
                raise MissingFolder(path)
            folder = folder.names[name] if not isinstance(folder.names[name], Link) else self._followed(folder, name)
        found = folder.names.get(left[-1])
        if follow and isinstance(found, Link):
            return None, "", self._followed(folder, left[-1])
        return folder, left[-1], found

    def _followed(self, folder, name):
        place = next(path for path, each in self._folders() if each is folder)
        return self._find(_joined(Opened("", place), folder.names[name].target.encode()))[2]

    def _folders(self):
        waiting = [(str(self.root), self._top)]
        while waiting:
            path, folder = waiting.pop()
            yield path, folder
            waiting += [(f"{path}/{name}", each) for name, each in folder.names.items() if isinstance(each, Folder)]

    def _change(self, durable_with, *names):
        for folder, name, what in names:
            folder.names[name] = what
            if what is None:
                del folder.names[name]
        self._pending.append(Change(list(names), durable_with))
        return True

    def _settle(self, changes):
        """Make changes durable, and before each the earlier changes of the same names."""
        for change in [each for each in self._pending if each in changes]:
            if change not in self._pending:
                continue
            places = {(folder, name) for folder, name, _ in change.names}
            before = self._pending[: self._pending.index(change)]
            self._settle([each for each in before if places & {(folder, name) for folder, name, _ in each.names}])
            self._pending.remove(change)
            for folder, name, what in change.names:
                folder.synced[name] = what

    # One method per system call, by its name.

    def _openat(self, result, at, path, flags, *_mode):
        place = self._find(_joined(at, path), follow="O_NOFOLLOW" not in flags)
        if place is None:
            return False
        if "O_TMPFILE" in flags:
            self._opened[result] = [File(), 0, False]
            return False
        folder, name, found = place
        made = found is None
        if made:
            found = File()
            self._change(folder, (folder, name, found))
        if cut := "O_TRUNC" in flags and bool(found.data):
            del found.data[:]
        self._opened[result] = [found, 0, "O_APPEND" in flags]
        return made or cut

    def _open(self, result, path, flags, *mode):
        return self._openat(result, Opened("", str(Path.cwd())), path, flags, *mode)

    def _lseek(self, result, opened, *_):
        if handle := self._opened.get(opened):
            handle[1] = result
        return False

    def _write(self, result, opened, data, _size):
        return self._put(opened, data[:result])

    def _put(self, opened, data):
        if not self._is_here(opened):
            return False
        file, at, appends = handle = self._opened[opened]
        at = len(file.data) if appends else at
        file.data[at : at + len(data)] = data
        handle[1] = at + len(data)
        return True

    def _pwrite64(self, result, opened, data, _size, offset):
        """Write somewhere in a file. A model of a file that is only extended: SQLite's log, not its database."""
        if not self._is_here(opened):
            return False
        file, at = self._opened[opened][0].data, int(offset)
        file.extend(bytes(max(0, at - len(file))))
        file[at : at + result] = data[:result]
        return True

    def _sendfile(self, result, target, source, offset, _size):
        if not self._is_here(target):
            return False
        start = int(re.match(r"\[(\d+)\]", offset)[1])
        data = self._find(source.path)[2].data if self._is_here(source) else Path(source.path).read_bytes()
        return self._put(target, bytes(data[start : start + result]))

    def _ftruncate(self, _result, opened, size):
        if not self._is_here(opened):
            return False
        data, size = self._opened[opened][0].data, int(size)
        before = bytes(data)
        data[:] = before[:size].ljust(size, b"\0")
        return before != data

    def _fsync(self, _result, opened):
        if not self._is_here(opened):
            return False
        what = self._opened[opened][0]
        if isinstance(what, Folder):
            self._settle([each for each in self._pending if each.durable_with is what])
        else:
            what.synced = bytes(what.data)
        return True

    _fdatasync = _fsync

    def _sync(self, _result):
        self._settle(list(self._pending))
        waiting = [self._top]
        while waiting:
            folder = waiting.pop()
            for each in folder.names.values():
                if isinstance(each, Folder):
                    waiting.append(each)
                elif isinstance(each, File):
                    each.synced = bytes(each.data)
        return True

    def _rename(self, _result, old, new):
        return self._moved(os.fsdecode(old), os.fsdecode(new), "0")

    def _renameat(self, _result, old_at, old, new_at, new):
        return self._moved(_joined(old_at, old), _joined(new_at, new), "0")

    def _renameat2(self, _result, old_at, old, new_at, new, flags):
        return self._moved(_joined(old_at, old), _joined(new_at, new), flags)

    def _moved(self, old, new, flags):
        source, target = self._find(old, follow=False), self._find(new, follow=False)
        if source is None or source[:2] == target[:2]:
            return False
        left = target[2] if "RENAME_EXCHANGE" in flags else None
        return self._change(target[0], (*source[:2], left), (*target[:2], source[2]))

    def _link(self, _result, old, new):
        return self._named(os.fsdecode(new), lambda: self._find(os.fsdecode(old), follow=False)[2])

    def _linkat(self, _result, old_at, old, new_at, new, _flags):
        return self._named(_joined(new_at, new), lambda: self._find(_joined(old_at, old), follow=False)[2])

    def _symlink(self, _result, target, path):
        return self._named(os.fsdecode(path), lambda: Link(os.fsdecode(target)))

    def _symlinkat(self, _result, target, at, path):
        return self._named(_joined(at, path), lambda: Link(os.fsdecode(target)))

    def _mkdir(self, _result, path, _mode):
        return self._named(os.fsdecode(path), Folder)

    def _mkdirat(self, _result, at, path, _mode):
        return self._named(_joined(at, path), Folder)

    def _unlink(self, _result, path):
        return self._named(os.fsdecode(path), lambda: None)

    _rmdir = _unlink

    def _unlinkat(self, _result, at, path, _flags):
        return self._named(_joined(at, path), lambda: None)

    def _named(self, path, what):
        place = self._find(os.path.normpath(path), follow=False)
        return bool(place) and self._change(place[0], (*place[:2], what()))

    def _is_here(self, opened):
        return f"{opened.path}/".startswith(f"{self.root}/")


def _joined(at, path):
    return os.path.normpath(Path(at.path, os.fsdecode(path)))


def _without(changes, one):
    return [each for each in changes if each is not one]
