"""Build a publishable version from a request, on the build host. Only `hub.py` handles the token.

resolve.py    CacheLock       pins every file to its digest; sources.py fetches from a HubSource or wheels.py
hub_source.py HubSource       the Hub (hub.py), or a Hub cache on this machine (hub_cache.py)
prepare.py    PreparedFile    rewrites checkpoints in a confined child process
secrets.py                    rejects files that hold a token
combine.py    CacheLock       adds transcription models to the lock of a pipeline
version.py    CacheManifest   fetches and prepares the locked files; archive.py packs them
gather.py     Wheelhouse      collects the wheels that boxes install, for each Python in pythons.py
environment.py EnvironmentImage   installs the wheels as images: installed_tree.py, image_tools.py, byte_code.py
sbom.py                       describes the version in CycloneDX

Boxes never import this package.
"""
