"""On the build host: from a request to a folder that can be published. Only `hub.py` ever sees the token.

resolve.py    CacheLock       every file pinned to its digest; sources.py fetches from hub.py or wheels.py
prepare.py    PreparedFile    checkpoints rewritten, in a confined child
secrets.py                    no file holds a token
version.py    CacheManifest   files fetched and prepared as pinned, packed by archive.py
gather.py     Wheelhouse      the wheels that boxes install, for each of pythons.py
sbom.py                       the same as CycloneDX

Nothing here is imported on a box.
"""
