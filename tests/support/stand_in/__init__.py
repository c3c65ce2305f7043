"""Boxes without PyTorch, provisioned in seconds by the real playbooks from a real store.

    command      the `diarize-runner` of the stand-in toolkit: the real one, except for commands that load a model
    service      its HTTP service
    toolkit      its wheel, and the other wheels of a version
    shelf        versions in a store, of which each test host gets a copy

A model here is a shell script in the cache, which reads a recording from stdin and prints the result.
"""

from support.stand_in.shelf import Shelf, models

__all__ = ["Shelf", "models"]
