"""Boxes without PyTorch, made by the real playbooks from a real store in seconds.

    command      the `diarize-runner` of the stand-in toolkit: the real one, but where it would load a model
    toolkit      its wheel, and the others that a version of it carries
    shelf        versions of it in a store, which each host of a test gets a copy of

A model here is a shell script in the cache. It gets a recording on its stdin, and what it says is what it heard.
"""

from support.stand_in.shelf import Shelf, models

__all__ = ["Shelf", "models"]
