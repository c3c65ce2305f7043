"""Build, publish and restore verified model caches.

    documents/    request, lock, manifest and pointer: parse and serialise them
    checkpoint/   rewrite checkpoints at build time; accept only rewritten ones on a box
    published/    versions in a store: publish, `latest`, roll back, prune, find, signatures

    builder/      runs on the build host, which may be online and alone holds a token
    box/          runs on the box, which reaches nothing but the store

`builder` and `box` never import each other. `cache_manifests/FORMAT.md` specifies every document and the archive.
"""
