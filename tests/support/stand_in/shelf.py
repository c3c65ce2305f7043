"""Versions in a store that the controller and its hosts have at the same path."""

from dataclasses import dataclass
from pathlib import Path

from support.caches import PIPELINE, Site
from support.stand_in.toolkit import BOTH, FIRST, write_wheels
from support.wheels import carry


def models(script):
    """Return a cache whose model is a shell script."""
    return {PIPELINE: {"config.yaml": b"version: 4.0.0\n", "model.sh": script.encode()}}


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A store, and where the controller keeps what it fetches from it."""

    folder: Path

    @property
    def variables(self):
        """What playbooks are told of it."""
        return {
            "diarize_runner_store": self._site.store.root.as_uri(),
            "diarize_runner_device": "cpu",
            "toolkit_controller_folder": str(self.folder / "controller"),
            "python_env_min_free_gib": 0,
            "__python_env_poll_seconds": 1,
            "spool_settle_seconds": 0,
        }

    def publish(self, version, model, release="first"):
        """Publish a version: a model, and a release of the toolkit."""
        self._site.build(version, models(model))
        carry(
            self._site.built(version), write_wheels(self.folder / "wheels" / release, release), first=FIRST, both=BOTH
        )
        self._site.publish_built(version)

    def stock(self, *hosts):
        """Give each host a copy of the store as it is now."""
        for host in hosts:
            host.put_folder(self._site.store.root)

    @property
    def _site(self):
        return Site(folder=self.folder / "site")
