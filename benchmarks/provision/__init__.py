"""Time a bare host to its first labelled transcript, against a manual set-up: `make bench-provision`.

Each round sets up two fresh Debian 12 hosts, one after the other, in alternating order, from one nginx on their link.
Both get the same models and packages, from the same files:

    ours       bootstrap.sh: toolkit, models, packages, sample check, units; then `diarize-runner diarize`
    by hand    `python3 -m venv`, `pip install`, `curl` and `tar -xzf`, then a script that calls pyannote

Then ours runs again with nothing to do: with the same curl command, and as a playbook over ssh.

    site.py         the published store, and the version pins for pip
    hosts.py        a fresh host with a recording and its transcript, and its nginx
    methods.py      one set-up: ours, by hand, ours again
    limits.py       a disk and a link as slow as a cloud's: --write-limit 131072000 --link-limit 5gbit
    clock.py        the phases of a command on a host, by the marks that it prints
    on_host/        files for the host: the Ansible callback that prints marks, and the manual script
    __main__.py     the rounds, and the report

The comparison favours the manual set-up: its Debian packages (python3-venv) are installed before the clock starts, pip
checks no hashes, and nothing is verified. A host has no aws command, so `curl` replaces it. Needs root, nginx, and
the packages of scripts/install-test-hosts.sh.
"""
