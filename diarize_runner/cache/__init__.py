"""From a request to a VerifiedCache, in two halves that meet in a store.

    documents/    what is written down: request, lock, manifest, pointer; one parser and one serialisation
    checkpoint/   model files: rewritten into clean ones at build, and nothing else accepted on a box
    published/    versions in a store: publish, `latest`, roll back, prune, find, signatures

    builder/      the build host, which may be online and is the only one that has a token
    box/          the box, which is offline but for the store

`builder` and `box` never import each other. `cache_manifests/FORMAT.md` specifies every document and the archive.
"""
