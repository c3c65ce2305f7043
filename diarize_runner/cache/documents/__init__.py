"""The documents that a build host and a box exchange, each a frozen value that is read strictly and written one way.

    request.py    CacheRequest    what people write: cache_manifests/NAME.yaml
    lock.py       CacheLock       every file pinned to its digest: cache_manifests/NAME.lock.json
    manifest.py   CacheManifest   what a version holds; manifest_1.py reads those of the first format
    pointer.py    Pointer         which version is the latest
    snapshot.py   RepoSnapshot    one repository in a lock or manifest
    wheelhouse.py Wheelhouse      the wheels of a version
    pins.py                       requirements files, with hashes

They share `fields.py` (checks each field and says where it is wrong), `canonical.py` (JSON, one serialisation),
`layout.py` (where files lie in a cache) and `gzip_members.py` (the archive's members).
"""
