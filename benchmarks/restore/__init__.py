"""How fast a cache is restored, against what people do by hand: `make bench-cache`.

Everything is on this machine: 1 GiB of synthetic fp32 weights in 8 blobs and the embedded cache beside them, served on
loopback by nginx and by OpenStack Swift. Each way takes its turn in every round; figures are medians and ratios of
one run, with the machine beside them.

    site.py       what is published: our store, and the classic gzip -6 tarball of the same tree
    servers.py    nginx, and Swift's S3 API
    ways.py       one restore: ours, `curl | tar -xzf`, `aws s3 cp` and `tar -xzf`
    floors.py     what the machine could do at best: server, SHA-256, disk; each alone, and all at once
    usage.py      peak memory and peak disk of one restore
    __main__.py   the rounds, and the report

Needs nginx, curl, aws and `.swift` (scripts/install-swift.sh); what is lacking is left out, and named.
"""
