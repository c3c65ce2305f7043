"""Work whose power is cut after each of its system calls, and what is left then looked at."""

import random
import shutil
from contextlib import suppress
from functools import partial

from support.disk_model import Disk, NotThere
from support.system_calls import recorded

from diarize_runner.errors import DiarizeRunnerError


def replay(work, folder, *, most, seed=0):
    """Cut power after each call of `work`; return how many states were looked at, and a line on each that was wrong."""
    place = folder / "folder"
    work.prepare(place)
    (place / work.on).mkdir(exist_ok=True)
    shutil.copytree(place, folder / "before", symlinks=True)
    looked, wrong = 0, []
    for made, done, state in cuts(partial(work.run, place), place / work.on, folder / "log", most, seed):
        looked += 1
        put(state, folder / "left" / work.on)
        for other in (folder / "before").iterdir():
            if other.name != work.on:
                (folder / "left" / other.name).symlink_to(other)
        try:
            work.check(folder / "left", done)
        except (AssertionError, DiarizeRunnerError, OSError, ValueError) as reason:
            wrong.append(f"after call {made}{' (the last)' * done}: {type(reason).__name__}: {reason}")
        shutil.rmtree(folder / "left")
    return looked, wrong


def cuts(work, folder, log, most, seed=0):
    """Run `work`; yield (how many calls had changed `folder`, whether all had, what it may hold if power is cut then).

    There are at most `most` states for each call, and those that came before do not come again but at the end.
    """
    disk, chance, made, seen = Disk(folder), random.Random(seed), 0, set()
    for made, _ in enumerate(_changes(disk, recorded(work, log)), start=1):
        yield from ((made, False, state) for state in disk.states(chance, most) if _is_new(state, seen))
    yield from ((made, True, state) for state in disk.states(chance, most) if _is_new(state, set()))


def _changes(disk, calls):
    """Make the calls; yield whenever one has changed something.

    One may have begun before another thread made the folder that it needs, and ended after that: it waits.
    """
    waiting = []
    for call in calls:
        waiting.append(call)
        for each in list(waiting):
            with suppress(NotThere):
                changed = disk.apply(each)
                waiting.remove(each)
                if changed:
                    yield each
    assert waiting == []


def _is_new(state, seen):
    key = hash(tuple(sorted(state.items(), key=lambda item: item[0])))
    return key not in seen and not seen.add(key)


def put(state, folder):
    """Make `folder` hold a state."""
    folder.mkdir(parents=True)
    for path in sorted(state):
        place, what = folder / path, state[path]
        if what is None:
            place.mkdir()
        elif isinstance(what, str):
            place.symlink_to(what)
        else:
            place.write_bytes(what)
