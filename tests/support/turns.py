"""Two parties that work on one store by turns, so that every interleaving of their calls can be played."""

import math
import threading


class Turns:
    """A party's calls wait until it has some left; no two overlap."""

    def __init__(self):
        self._changed, self._left, self._ended = threading.Condition(), {}, set()

    def play(self, works, moves):
        """Start each of `works`, by party; make `moves`, each a party and a number of calls; let all come to an end.

        Return what each party raised, or None.
        """
        outcomes, threads = {}, []
        for party, work in works.items():
            self._left[party] = 0
            threads.append(threading.Thread(target=self._run, args=(party, work, outcomes)))
            threads[-1].start()
        for party, calls in [*moves, *((party, math.inf) for party in works)]:
            self._let(party, calls)
        for thread in threads:
            thread.join()
        return outcomes

    def store(self, party, store):
        """Return `store` as `party` is to use it."""
        return _OfParty(self, party, store)

    def call(self, party, function, arguments, options):
        with self._changed:
            self._changed.wait_for(lambda: self._left[party])
            self._left[party] -= 1
            try:
                return function(*arguments, **options)
            finally:
                self._changed.notify_all()

    def _let(self, party, calls):
        """Let a party make so many calls, and wait until it has, or has ended."""
        with self._changed:
            self._left[party] = calls
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._left[party] or party in self._ended)

    def _run(self, party, work, outcomes):
        outcomes[party] = None
        try:
            work()
        except Exception as reason:  # noqa: BLE001  # whatever it was, the test looks at it
            outcomes[party] = reason
        with self._changed:
            self._ended.add(party)
            self._changed.notify_all()


class _OfParty:
    def __init__(self, turns, party, store):
        self._turns, self._party, self._store = turns, party, store

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if not callable(found):
            return found
        return lambda *arguments, **options: self._turns.call(self._party, found, arguments, options)
