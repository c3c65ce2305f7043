"""Kill work at random moments."""

import random
import shutil
import time
from functools import partial

from support.kills import killed_after, killed_when_exists


def kill(work, folder, kills, seed=0):
    """Run and kill `work` until `kills` runs were killed before their end; return the number of runs.

    One time in three, two runs are killed on the same folder. Each time, the check runs the work to its end.
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
            assert runs < 20 * kills + 20, "hardly any run was killed before its end"
        work.check(place, False)  # noqa: FBT003
        shutil.rmtree(place)
    return runs


def _seconds(work, folder):
    """Return the duration of a run that is not killed."""
    for name in ("first", "timed"):  # the first run imports what later ones fork with
        shutil.copytree(folder / "before", folder / name, symlinks=True)
        began = time.monotonic()
        assert not killed_when_exists(folder / "never", partial(work.run, folder / name))
    return time.monotonic() - began
