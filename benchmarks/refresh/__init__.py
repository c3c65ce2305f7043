"""Measure what a refresh of a box moves: `make bench-refresh`.

A box has a version, and fetches the next one, with the commands that the roles run. From one version to the next, one
thing changes:

    nothing           the same version again
    toolkit           its wheel, its playbooks
    package_of_rest   the wheel of pyannote.audio, and the image `rest`
    package_of_cuda   the wheel of torch, and the image `cuda`
    models            another revision of a repository of 32 MiB, as large as community-1 (in a store of its own)

    models         `cache restore`
    images         `cache environment`, of a box that mounts its packages
    wheels         `cache wheels` into the folder of the previous version
    toolkit        `cache wheels --installer-only` into an empty folder, as bootstrap.sh and the role toolkit do

A box that installs its packages keeps no wheels: for each release, the role python_env fetches all, as the first time.
Changed wheels and images differ from the previous ones in one byte, and have the same size.

    versions.py    versions that differ in one thing, made of the version that benchmarks.provision has built
    steps.py       one command: its seconds, and the bytes that nginx sent
    __main__.py    the rounds, and the report
"""
