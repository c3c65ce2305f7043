"""Objects by name, in a folder, in S3 or behind a web server. A store knows nothing of models and manifests.

protocol.py   ArchiveStore, WritableArchiveStore: what a store can do
address.py    from `s3://`, `https://` or `file://` to a store
local.py, http.py, s3/   the three
remote.py     ranges, retries and limits that both remote stores share; waiting.py, small.py

Every write is atomic: an object is visible whole or not at all.
"""
