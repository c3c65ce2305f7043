"""The real huggingface_hub client works with the simulated Hub: listings, bytes and errors."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi, errors, get_session, hf_hub_download, snapshot_download
from support.hub_host import FILES, REPO


def test_a_snapshot_holds_the_committed_files(hub):
    repo = hub.repo(REPO, FILES)

    folder = Path(snapshot_download(REPO))

    assert folder.name == repo.refs["main"]
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES


def test_the_listing_and_the_tree_of_a_repository_agree(hub):
    hub.repo(REPO, FILES)

    listed = {
        file.rfilename: (file.size, file.blob_id) for file in HfApi().model_info(REPO, files_metadata=True).siblings
    }
    tree = {file.path: (file.size, file.blob_id) for file in HfApi().list_repo_tree(REPO, recursive=True)}

    assert listed == tree
    assert {path: size for path, (size, _) in listed.items()} == {path: len(data) for path, data in FILES.items()}


def test_a_token_identifies_its_account(hub):
    assert HfApi().whoami(token=hub.account("ada").token)["name"] == "ada"


def test_a_range_request_gets_the_requested_bytes(hub):
    hub.repo(REPO, FILES)
    url = f"{hub.endpoint}/{REPO}/resolve/main/config.yaml"

    def part(byte_range):
        answer = get_session().get(url, headers={"Range": byte_range})
        return answer.status_code, answer.content

    assert part("bytes=3-7") == (206, FILES["config.yaml"][3:8])
    assert part("bytes=3-") == (206, FILES["config.yaml"][3:])
    assert part("bytes=9999-")[0] == 416


REFUSED = {
    "no such repository": (lambda hub, ada: hub.repos.clear(), errors.RepositoryNotFoundError),
    "no such revision": (lambda hub, ada: hub.repos[REPO].refs.clear(), errors.RevisionNotFoundError),
    "no such file": (lambda hub, ada: hub.repos[REPO].commit({}), errors.EntryNotFoundError),
    "no access": (lambda hub, ada: ada.may_read.clear(), errors.GatedRepoError),
    "an unknown token": (lambda hub, ada: hub.accounts.clear(), errors.HfHubHTTPError),
}


@pytest.mark.parametrize(("refuse", "error"), REFUSED.values(), ids=list(REFUSED))
def test_the_client_raises_the_expected_error(hub, refuse, error):
    hub.repo(REPO, FILES, gated="auto")
    ada = hub.account("ada", may_read={REPO})
    refuse(hub, ada)

    with pytest.raises(error):
        hf_hub_download(REPO, "config.yaml", token=ada.token)
