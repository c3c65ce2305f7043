"""Run works on one store in a given interleaving of their calls."""

import math
import threading


class Turns:
    """Lets each party make calls only when its turn comes, one call at a time."""

    def __init__(self):
        self._changed, self._left, self._ended = threading.Condition(), {}, set()

    def play(self, works, moves):
        """Start `works`, a function by party; allow the calls of `moves`, pairs of party and number; then finish all.

        Return the exception of each party, or None.
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
        """Return `store` for use by `party`."""
        return _PartyStore(self, party, store)

    def call(self, party, function, arguments, options):
        with self._changed:
            self._changed.wait_for(lambda: self._left[party])
            self._left[party] -= 1
            try:
                return function(*arguments, **options)
            finally:
                self._changed.notify_all()

    def _let(self, party, calls):
        """Let a party make `calls` calls, and wait until it has, or has ended."""
        with self._changed:
            self._left[party] = calls
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._left[party] or party in self._ended)

    def _run(self, party, work, outcomes):
        outcomes[party] = None
        try:
            work()
        except Exception as reason:  # noqa: BLE001  # the test checks it
            outcomes[party] = reason
        with self._changed:
            self._ended.add(party)
            self._changed.notify_all()


class _PartyStore:
    def __init__(self, turns, party, store):
        self._turns, self._party, self._store = turns, party, store

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if not callable(found):
            return found
        return lambda *arguments, **options: self._turns.call(self._party, found, arguments, options)
