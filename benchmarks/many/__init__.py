"""Time many boxes that fetch from one store at once, with and without a cache beside them: `make bench-many`.

N processes fetch the models of the embedded cache, or with `--images` the images of its packages, into N folders. The
store is behind nginx, with `--link` behind a link of that rate; the cache is deploy/pull-through/nginx.conf, which has
no such link to the boxes. Each turn starts with empty folders:

    one, directly           the least that a box takes
    all, directly
    all, empty cache        the first boxes of a rack: the cache has nothing yet
    all, filled cache       those that come later

    store.py       the published store
    link.py        a network namespace at the end of a link with a limited rate
    turns.py       one turn: seconds, and the bytes that the origin sent, from its log
    __main__.py    the rounds, and the report

All boxes share this machine's cores and disk, which N real boxes do not. Needs nginx; `--link` needs root. It takes the
version that benchmarks.provision has built, or builds it.
"""
