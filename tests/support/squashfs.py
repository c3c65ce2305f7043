"""squashfs-tools, for tests that build images."""

import os
import shutil
import subprocess

import pytest


def require_squashfs_tools():
    """Skip the test where squashfs-tools are not installed; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if shutil.which("mksquashfs") and shutil.which("unsquashfs"):
        return
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_HOSTS") == "1":
        pytest.fail("squashfs-tools are not installed: scripts/install-test-packages.sh")
    pytest.skip("squashfs-tools are not installed")


def unpack(image, folder):
    """Unpack `image` to `folder`, and return it."""
    subprocess.run(["unsquashfs", "-quiet", "-no-progress", "-dest", folder, image], check=True, capture_output=True)
    return folder
