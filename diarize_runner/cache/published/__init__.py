"""Versions in a store: each is written once, `manifest.json` last; `latest/manifest.json` points to one of them.

publish.py     puts a built version into a store
latest.py      reads and moves the pointer, by compare-and-swap
find.py        PublishedVersion: found, and believed as far as it can be checked
catalogue.py   lists, rolls back and prunes; version_order.py says which is newer
signature.py   Ed25519 keys and signatures
shared_wheels.py   wheels that versions share
keys.py        what lies where

Build hosts write here, boxes read.
"""
