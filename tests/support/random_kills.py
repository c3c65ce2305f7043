"""Work that is killed again and again, at any moment of it."""

import random
import shutil
import time
from functools import partial

from support.kills import killed_after, killed_when_there


def kill(work, folder, kills, seed=0):
    """Kill `work` until `kills` of its runs were killed at work, and check each time what is left; return the runs.

    One run in three is killed where another was killed before. The check lets the work be done to its end.
    """
    chance, runs, killed = random.Random(seed), 0, 0
    work.prepare(folder / "before")
    (folder / "before" / work.on).mkdir(exist_ok=True)
    long = _seconds(work, folder)
    while killed < kills:
        place = folder / str(runs)
        shutil.copytree(folder / "before", place, symlinks=True)
        for _ in range(chance.choice((1, 1, 2))):
            killed += killed_after(chance.uniform(0, long), partial(work.run, place))
            runs += 1
            assert runs < 20 * kills + 20, "hardly any run was killed at work"
        work.check(place, False)  # noqa: FBT003
        shutil.rmtree(place)
    return runs


def _seconds(work, folder):
    """Return how long the work takes when nobody kills it."""
    for name in ("first", "timed"):  # the first loads what the others fork with
        shutil.copytree(folder / "before", folder / name, symlinks=True)
        began = time.monotonic()
        assert not killed_when_there(folder / "never", partial(work.run, folder / name))
    return time.monotonic() - began
