"""The documents that a build host and a box exchange: frozen values, parsed strictly, with one serialisation each.

    request.py    CacheRequest    what a user writes: cache_manifests/NAME.yaml
    lock.py       CacheLock       every file pinned to its digest: cache_manifests/NAME.lock.json
    manifest.py   CacheManifest   the contents of a version; manifest_v1.py reads format version 1
    pointer.py    Pointer         the latest version
    snapshot.py   RepoSnapshot    one repository in a lock or manifest
    wheelhouse.py Wheelhouse      the wheels of a version
    environments.py EnvironmentImage   the images of installed packages of a version
    pins.py                       requirements files, with hashes

Shared modules: `fields.py` (field checks with error locations), `canonical.py` (JSON serialisation), `layout.py` (paths
in a cache) and `gzip_members.py` (the archive's gzip members).
"""
