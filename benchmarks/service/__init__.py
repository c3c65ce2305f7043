"""Load the HTTP service with locust: `make bench-service`, or `python -m benchmarks.service --output FILE`.

`diarize-runner serve` runs with the embedded models and keys of its own, a new server for each scenario. locust is in a
virtual environment of its own, `.bench/locust`; its processes write a line for each answer, from which this package
counts status codes and takes percentiles.

    users/            locust's users: each file is one kind of load
    load.py           start locust, read what it wrote
    answers.py        answers, status codes, percentiles
    server.py         the server, its keys, its jobs
    processes.py      resident memory of the server and of its children
    memory.py         samples of it, and their summary
    site.py           what all scenarios share: cache, recordings, keys
    scenarios/        uploads, backlog, slow_clients, refusals, soak, throughput
    page.py           the table
    __main__.py       options and report
"""
