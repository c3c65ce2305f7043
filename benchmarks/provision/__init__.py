"""How soon a bare host has labelled its first transcript, against the same by hand: `make bench-provision`.

In each round two fresh Debian 12 hosts are set up, one after the other and in turn first, from one nginx on the other
end of their cable. Both get the same models and the same packages, which are read from the same files:

    ours       bootstrap.sh: toolkit, models, packages, sample check, units; then `diarize-runner diarize`
    by hand    `python3 -m venv`, `pip install`, `curl` and `tar -xzf`, then a script that calls pyannote

Then ours is run again with nothing to do: by the same line of curl, and as a playbook over ssh.

    site.py         what is published, and the pins that pip is given
    hosts.py        a fresh host with the recording and its transcript on it, and its nginx
    ways.py         one set-up: ours, by hand, ours again
    clock.py        when each phase of a command on a host began, by the marks that it prints
    on_host/        what runs there: the callback that has Ansible print marks, and the script by hand
    __main__.py     the rounds, and the report

What is in favour of the way by hand: the packages of Debian that it needs (python3-venv) are there before the clock
starts, pip gets pins without hashes to check, and nothing is verified. A host has no aws command, so `curl` takes its
place. Needs root, nginx and what scripts/install-test-hosts.sh installs.
"""
