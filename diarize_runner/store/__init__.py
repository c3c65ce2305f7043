"""Named objects in a folder, in S3 or behind a web server. A store knows nothing about models and manifests.

protocol.py   ArchiveStore, WritableArchiveStore: the interface
address.py    open a store by its `s3://`, `https://` or `file://` address
local.py, http.py, s3/   the implementations
folder_listing.py   the listing of local.py
remote.py     retries and range requests of http.py and s3/
timeouts.py, size_limit.py   limits on slow and on large responses
aws_errors.py   boto3 errors that S3 and EC2 share
aws_denials.py, checksum_refusals.py   what decided, from the message of a refusal

Every write is atomic: readers see the whole object or none.
"""
