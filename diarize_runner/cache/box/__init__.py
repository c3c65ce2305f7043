"""On a box: from a published version to a VerifiedCache, the only thing that the engine loads.

    restore.py    RestoredCache   blobs fetched by range and hashed while written (fetch.py); one rename at the end
    verify.py     VerifiedCache   every byte, link and class as published
    ownership.py                  nobody else on the box can change it
    resolved_config.py  ResolvedConfig  each name in config.yaml -> verified files
    repair.py     RepairedCache   a damaged cache, mended in place
    switch.py, prune.py           back to the previous version; all but those two removed
    wheel_folder.py  FetchedWheels  wheels for pip and uv, which then need no index

`folder.py` is the root that holds versions, `follower.py` who changes it and the serial it saw, `runtime.py` the
environment that a load runs in, `rate.py` how fast the store sends.
"""
