"""From a request to a VerifiedCache, in two halves that meet in a store.

On the build host, which may be online:

    request.py   CacheRequest         what people write: cache_manifests/NAME.yaml
    resolve.py   CacheLock            every file pinned to its digest: cache_manifests/NAME.lock.json
    build.py     CacheManifest        files fetched as pinned (wheels.py, checkpoint/), laid out (layout.py), packed
                                      (archive.py) into DIR/{huggingface-cache.tar.gz, requirements, manifest.json}
    publish.py   Pointer              into a store (store.py), manifest last, then `latest` swapped

On the box, which is offline but for the store:

    restore.py   RestoredCache        blobs fetched by range, hashed while written; one rename at the end
    verify.py    VerifiedCache        the only thing `diarize_runner.diarization.engine.load` takes

`cache_manifests/FORMAT.md` specifies every document and the archive.
"""
