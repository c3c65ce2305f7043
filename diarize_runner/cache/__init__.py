"""From a request to a VerifiedCache, in two halves that meet in a store.

On the build host, which may be online:

    request.py   CacheRequest         what people write: cache_manifests/NAME.yaml
    hub.py, wheels.py                 where files come from (sources.py)
    prepare.py   PreparedFile         checkpoints rewritten (checkpoint/); gate.py, secrets.py look inside
    resolve.py   CacheLock            every file pinned to its digest: cache_manifests/NAME.lock.json
    build.py     CacheManifest        files fetched and prepared as pinned, laid out (layout.py), packed (archive.py)
                                      into DIR/{huggingface-cache.tar.gz, requirements, manifest.json}
    gather.py    Wheelhouse           and what boxes install (pins.py, wheelhouse.py), into DIR/wheels/
    publish.py   Latest               into a store (store.py: local_store.py, s3/, http.py), manifest last, then latest,
                                      signed (pointer.py, signature.py); wheels once for all versions (shared_wheels.py)
    catalogue.py                      what a store holds; rollback, prune

On the box, which is offline but for the store:

    published.py PublishedVersion     found, and believed as far as it can be checked (signature.py)
    restore.py   RestoredCache        blobs fetched by range, hashed while written (fetch.py); one rename at the end
    verify.py    VerifiedCache        the only thing `diarize_runner.diarization.engine.load` takes
    ownership.py                      nobody else on the box can change it
    resolved_config.py  ResolvedConfig  each name in config.yaml -> verified files
    repair.py    RepairedCache        a cache that verify found wrong, mended where it lies
    switch.py, tidy.py                back to the version before; all but those two out
    wheel_folder.py  FetchedWheels    wheels fetched, hashed while written; for pip and uv, which need no index then

`cache_manifests/FORMAT.md` specifies every document and the archive.
"""
