"""Versions in a store: each is written once, `manifest.json` last; `latest/manifest.json` points to one of them.

publish.py     upload a built version
copy_version.py   copy a version to another store
latest.py      read and move the pointer, by compare-and-swap
find.py        PublishedVersion: find a version and verify its manifest
catalogue.py   list, roll back and prune versions; version_order.py sorts them
signature.py   Ed25519 keys and signatures
shared_files.py    wheels and images that versions share
keys.py        object keys and size limits

Build hosts write here, boxes read.
"""
