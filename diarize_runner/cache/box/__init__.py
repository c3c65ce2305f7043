"""Turn a published version into a VerifiedCache on a box. The engine loads nothing else.

    restore.py          RestoredCache   fetches blobs by range, hashes them while writing (fetch.py), renames once
    verify.py           VerifiedCache   checks every byte, link and class against the manifest
    ownership.py                        refuses a cache that another user can change
    resolved_config.py  ResolvedConfig  resolves each name in config.yaml to verified files
    repair.py           RepairedCache   repairs a damaged cache in place
    switch.py           SwitchResult    switches to another version on disk
    prune.py            BoxPrunePlan    removes all versions but the current and the previous one
    wheel_folder.py     FetchedWheels   fetches wheels, so that pip and uv need no index
    environment_images.py FetchedImages fetches images of packages (read_ahead.py), which a box mounts

`folder.py` names the paths in a box's folder, `synced_folder.py` locks it and records the serial of `latest`,
`default_folder.py` says where it is by default, `runtime.py` sets the environment of a load, and `throughput.py`
measures the store.
"""
