"""Paths inside a Hugging Face cache, in its classic layout.

    huggingface/hub/models--<organisation>--<name>/
        blobs/<sha256>
        refs/<revision>
        snapshots/<commit hash>/<path> -> ../../blobs/<sha256>

See https://huggingface.co/docs/hub/local-cache. All paths here are relative, written with `/`, and begin with
`huggingface/`, which is the HF_HOME of the cache.
"""

from collections.abc import Iterable

from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.digests import Digest

HF_HOME = "huggingface"
HUB = f"{HF_HOME}/hub"


def repo_folder(repo_id: str) -> str:
    """Return the folder of a model repository."""
    return f"{HUB}/models--{repo_id.replace('/', '--')}"


def require_unique_folders(repo_ids: Iterable[str], node: Node) -> None:
    """Raise ManifestError when two repositories share a folder, as `a/b--c` and `a--b/c` do."""
    require_unique_paths([repo_folder(repo_id) for repo_id in repo_ids], node)


def blob_path(repo_id: str, digest: Digest) -> str:
    """Return the path of a blob."""
    return f"{repo_folder(repo_id)}/blobs/{digest.hex}"


def ref_path(repo: RepoSnapshot) -> str:
    """Return the path of the branch's commit hash, a file without a newline: huggingface_hub does not strip one."""
    return f"{repo_folder(repo.repo_id)}/refs/{repo.revision}"


def snapshot_folder(repo: RepoSnapshot) -> str:
    """Return the folder that mirrors the repository."""
    return f"{repo_folder(repo.repo_id)}/snapshots/{repo.commit_hash}"


def links(repo: RepoSnapshot) -> dict[str, str]:
    """Return the links of a snapshot: path to relative target."""
    return {
        f"{snapshot_folder(repo)}/{file.path}": f"{'../' * (2 + file.path.count('/'))}blobs/{file.content.digest.hex}"
        for file in repo.files
    }
