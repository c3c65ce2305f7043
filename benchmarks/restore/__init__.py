"""Time the restore of a cache, against manual commands: `make bench-cache`.

Everything runs on this machine: 1 GiB of synthetic fp32 weights in 8 blobs, and the embedded cache, served on loopback
by nginx and by OpenStack Swift. The methods alternate in every round. The report has medians, their ratios, and a
description of the machine.

    site.py       the published store, and a plain gzip -6 tarball of the same tree
    servers.py    nginx, and Swift's S3 API
    methods.py    one restore: ours, `curl | tar -xzf`, `aws s3 cp` and `tar -xzf`
    floors.py     the machine's limits: server, SHA-256, disk; each alone, and all at once
    usage.py      peak memory and peak disk of one restore
    __main__.py   the rounds, and the report

Needs nginx, curl, aws and `.swift` (scripts/install-swift.sh); the report names each missing one.
"""
