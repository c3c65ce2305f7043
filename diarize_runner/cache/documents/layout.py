"""Names inside a Hugging Face cache, in its classic layout.

    huggingface/hub/models--<organisation>--<name>/
        blobs/<sha256>
        refs/<revision>
        snapshots/<commit hash>/<path> -> ../../blobs/<sha256>

https://huggingface.co/docs/hub/local-cache describes it. All paths here are relative, written with `/`,
and begin with `huggingface/`: that folder is HF_HOME wherever a cache is put.
"""

from collections.abc import Iterable

from diarize_runner.cache.documents.fields import Node, require_distinct
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.digests import Digest

HF_HOME = "huggingface"
HUB = f"{HF_HOME}/hub"


def repo_folder(repo_id: str) -> str:
    """Return where a model repository lies."""
    return f"{HUB}/models--{repo_id.replace('/', '--')}"


def require_distinct_folders(repo_ids: Iterable[str], node: Node) -> None:
    """Refuse repositories that would share a folder, as `a/b--c` and `a--b/c` would."""
    require_distinct([repo_folder(repo_id) for repo_id in repo_ids], node)


def blob_path(repo_id: str, digest: Digest) -> str:
    """Return where a blob lies."""
    return f"{repo_folder(repo_id)}/blobs/{digest.hex}"


def ref_path(repo: RepoSnapshot) -> str:
    """Return where the branch's commit hash is written, with no newline: huggingface_hub strips none."""
    return f"{repo_folder(repo.repo_id)}/refs/{repo.revision}"


def snapshot_folder(repo: RepoSnapshot) -> str:
    """Return the folder that looks like the repository."""
    return f"{repo_folder(repo.repo_id)}/snapshots/{repo.commit_hash}"


def links(repo: RepoSnapshot) -> dict[str, str]:
    """Return every link of a snapshot: its path, and the relative target it must have."""
    return {
        f"{snapshot_folder(repo)}/{file.path}": f"{'../' * (2 + file.path.count('/'))}blobs/{file.content.digest.hex}"
        for file in repo.files
    }
