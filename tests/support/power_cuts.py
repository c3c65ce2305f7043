"""Cut the power after each system call of a work, and check what is left."""

import random
import shutil
from contextlib import suppress
from functools import partial

from support.disk_model import Disk, MissingFolder
from support.system_calls import record_calls

from diarize_runner.errors import DiarizeRunnerError


def replay(work, folder, *, most, seed=0):
    """Cut power after each call of `work`; return the number of checked states, and a line for each failure."""
    place = folder / "folder"
    work.prepare(place)
    (place / work.on).mkdir(exist_ok=True)
    shutil.copytree(place, folder / "before", symlinks=True)
    checked, failures = 0, []
    for made, done, state in cuts(partial(work.run, place), place / work.on, folder / "log", most, seed):
        checked += 1
        put(state, folder / "left" / work.on)
        for other in (folder / "before").iterdir():
            if other.name != work.on:
                (folder / "left" / other.name).symlink_to(other)
        try:
            work.check(folder / "left", done)
        except (AssertionError, DiarizeRunnerError, OSError, ValueError) as reason:
            failures.append(f"after call {made}{' (the last)' * done}: {type(reason).__name__}: {reason}")
        shutil.rmtree(folder / "left")
    return checked, failures


def cuts(work, folder, log, most, seed=0):
    """Run `work`; yield (number of calls that changed `folder`, whether these were all, a possible state after a cut).

    At most `most` states for each call; a repeated state is skipped, except after the last call.
    """
    disk, chance, made, seen = Disk(folder), random.Random(seed), 0, set()
    for made, _ in enumerate(_changes(disk, record_calls(work, log)), start=1):
        yield from ((made, False, state) for state in disk.states(chance, most) if _is_new(state, seen))
    yield from ((made, True, state) for state in disk.states(chance, most) if _is_new(state, set()))


def _changes(disk, calls):
    """Apply the calls; yield after each that has changed something.

    A call may start before another thread creates its folder, and end after that; it is applied later.
    """
    waiting = []
    for call in calls:
        waiting.append(call)
        for each in list(waiting):
            with suppress(MissingFolder):
                changed = disk.apply(each)
                waiting.remove(each)
                if changed:
                    yield each
    assert waiting == []


def _is_new(state, seen):
    key = hash(tuple(sorted(state.items(), key=lambda item: item[0])))
    return key not in seen and not seen.add(key)


def put(state, folder):
    """Write a state to `folder`."""
    folder.mkdir(parents=True)
    for path in sorted(state):
        place, what = folder / path, state[path]
        if what is None:
            place.mkdir()
        elif isinstance(what, str):
            place.symlink_to(what)
        else:
            place.write_bytes(what)
