"""Versions in a store that has the same path on the controller and its hosts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from support.caches import PIPELINE, Site
from support.stand_in.images import carry_environment
from support.stand_in.toolkit import BOTH, FIRST, modules_of, write_wheels
from support.wheels import carry

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.digests import hash_bytes
from diarize_runner.progress import NoProgress

(OLD_RELEASE,) = (Path(__file__).parents[2] / "vectors/version-1").glob("*.whl")


def models(script):
    """Return a cache whose model is a shell script."""
    return {PIPELINE: {"config.yaml": b"version: 4.0.0\n", "model.sh": script.encode()}}


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A store, and the controller's download folder."""

    folder: Path
    private: Path | None = None
    """The key to sign versions with; None leaves them unsigned."""

    @property
    def unsigned(self):
        """Return the same store without the signing key."""
        return replace(self, private=None)

    @property
    def variables(self):
        """Return the playbook variables for this store."""
        return {
            "diarize_runner_store": self._site.store.root.as_uri(),
            "diarize_runner_device": "cpu",
            "toolkit_controller_folder": str(self.folder / "controller"),
            "python_env_min_free_gib": 0,
            "spool_settle_seconds": 0,
        }

    def publish_as_0_1_0(self, version, model):
        """Publish as release 0.1.0 did: with format version 1, and the toolkit 0.1.0."""
        self._publish(version, model, "0.1.0", modules_of(OLD_RELEASE))
        folder, latest = self._site.store.root / f"v{version}", self._site.store.root / "latest" / MANIFEST_NAME
        manifest = json.loads((folder / MANIFEST_NAME).read_bytes())
        wheels = manifest.pop("sections")["wheels"]
        wheels = {"installer": wheels["installer"], "wheels_page": wheels["page"], "wheels": wheels["files"]}
        data = canonical.serialise({**manifest, "format": "diarize-runner/manifest/1", **wheels})
        (folder / MANIFEST_NAME).write_bytes(data)
        pointer = {**json.loads(latest.read_bytes()), "format": "diarize-runner/pointer/1"}
        pointer["manifest"] |= hash_bytes(data).to_dict()
        latest.write_bytes(canonical.serialise(pointer))

    def publish(self, version, model, release="first"):
        """Publish a version: a model, and a release of the toolkit."""
        self._publish(version, model, release)

    def publish_with_images(self, version, model, release="first"):
        """Publish a version with images of the packages, too."""
        self._publish(version, model, release, carry_images=carry_environment)

    def _publish(self, version, model, release, modules=None, carry_images=None):
        self._site.build(version, models(model))
        wheels = write_wheels(self.folder / "wheels" / release, release, modules)
        carry(self._site.built(version), wheels, first=FIRST, both=BOTH)
        if carry_images:
            carry_images(self._site.built(version), wheels)
        built, store = self._site.built(version), self._site.store
        if not self.private:
            (store.root / "latest" / MANIFEST_NAME).unlink(missing_ok=True)  # needs no key
            self._site.publish_built(version)
            return
        key = read_private_key(self.private)
        (built / SIGNATURE_NAME).write_bytes(key.sign((built / MANIFEST_NAME).read_bytes()))
        publish(built, store, NoProgress(), key)

    @property
    def store_folder(self):
        """Return the folder of the store."""
        return self._site.store.root

    def signature(self, version):
        """Return the path of a version's signature, here and on hosts."""
        return self._site.store.root / f"v{version}" / SIGNATURE_NAME

    def stock(self, *hosts):
        """Copy the store to each host."""
        for host in hosts:
            host.put_folder(self._site.store.root)

    @property
    def _site(self):
        return Site(folder=self.folder / "site")
