"""A Hub repository is locked and built over HTTP, and every failure has a plain error message."""

import hashlib
import json
import tarfile

import pytest
from support.hub_host import FILES, REPO
from support.hub_simulator import etag

from diarize_runner.cache.documents.lock import lock_path
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME
from diarize_runner.cache.documents.snapshot import HubFile, HubOrigin
from diarize_runner.errors import DiskError, GatedRepo, IntegrityError, ManifestError, RevisionNotFound, SourceError

PAGE = f"https://huggingface.co/{REPO}"
WEIGHTS = "segmentation/pytorch_model.bin"


class TestResolve:
    """Resolving pins the revision to a commit, and each file to a digest."""

    def test_every_file_is_pinned_by_its_digest_and_its_etag(self, hub, host):
        hub.repo(REPO, FILES)

        (repo,) = host.lock().repos

        assert [file.path for file in repo.files] == sorted(FILES)
        for file in repo.files:
            assert file.content.digest.hex == hashlib.sha256(FILES[file.path]).hexdigest()
            assert file.source == HubFile(etag=etag(file.path, FILES[file.path]))

    @pytest.mark.parametrize("at", ["refs/pr/1", "ada/fix-plda", "v1.0+fix", "_draft"])
    def test_every_branch_tag_and_pull_request_can_be_pinned(self, hub, host, at):
        repo = hub.repo(REPO, FILES)
        repo.refs[at] = commit = repo.commit(FILES | {"config.yaml": b"fixed"}, branch=at)
        host.ask_for(at=at)

        (locked,) = host.lock().repos

        assert (locked.commit_hash, locked.revision) == (commit, "main")

    @pytest.mark.parametrize("at", ["main", "v1.0", "the commit"])
    def test_a_branch_a_tag_and_a_commit_are_pinned_to_the_commit(self, hub, host, at):
        repo = hub.repo(REPO, {"config.yaml": b"old"})
        old = repo.refs["v1.0"] = repo.refs["main"]
        new = repo.commit({"config.yaml": b"new"})
        host.ask_for(at=old if at == "the commit" else at)

        (locked,) = host.lock().repos

        assert (locked.commit_hash, locked.revision) == (new if at == "main" else old, "main")

    @pytest.mark.parametrize(
        ("patterns", "selected"),
        [
            (["config.yaml", "plda/*"], {"config.yaml", "plda/plda.npz"}),
            (["*.bin"], {WEIGHTS}),
            ([], set(FILES)),
        ],
        ids=lambda each: str(sorted(each)),  # sorted, so that all workers see the same names
    )
    def test_allow_patterns_select_files(self, hub, host, patterns, selected):
        hub.repo(REPO, FILES)
        host.ask_for(allow_patterns=patterns)

        (repo,) = host.lock().repos

        assert {file.path for file in repo.files} == selected
        assert repo.hub == HubOrigin(gated="no", allow_patterns=tuple(patterns))
        assert {each.path for each in hub.requests(method="HEAD")} >= {
            f"/{REPO}/resolve/{repo.commit_hash}/{path}" for path in selected
        }
        assert not [path for path in set(FILES) - selected if hub.requests(path)], "other files are not downloaded"

    def test_patterns_that_match_nothing_are_an_error(self, hub, host):
        hub.repo(REPO, FILES)
        host.ask_for(allow_patterns=["segmentatoin/*"])

        with pytest.raises(SourceError, match=f"^{REPO} has no file that the request selects$"):
            host.lock()

    @pytest.mark.parametrize("odd", ["a" * 256, "a\\b", "Config.yaml"])
    def test_an_invalid_file_name_is_refused_before_any_fetch(self, odd, hub, host):
        hub.repo(REPO, {"config.yaml": b"text", odd: b"text"})

        with pytest.raises(
            ManifestError,
            match=f"^{REPO}: (path longer than|not a plain relative path|two paths are equal when case is ignored)",
        ):
            host.lock()

        assert hub.requests(f"/{REPO}/resolve/") == []

    def test_the_lock_records_that_a_repository_is_gated(self, hub, host, sign_in):
        hub.repo(REPO, FILES, gated="manual")
        sign_in(hub.account("ada", may_read={REPO}))

        assert host.lock().repos[0].hub.gated == "manual"


class TestAccess:
    """The error names the repository, its page, and the account that must act."""

    def refusal(self, host, error=GatedRepo):
        with pytest.raises(error) as caught:
            host.lock()
        assert type(caught.value) is error
        return caught.value.message, caught.value.hint

    def test_a_gated_repository_without_a_token(self, hub, host):
        hub.repo(REPO, FILES, gated="auto")

        message, hint = self.refusal(host)

        assert message == f"{REPO} is gated, and no token was sent"
        assert hint.startswith(f"accept its terms on {PAGE}, then set HF_TOKEN")

    def test_a_gated_repository_whose_terms_are_not_accepted(self, hub, host, sign_in):
        hub.repo(REPO, FILES, gated="auto")
        sign_in(hub.account("ada"))

        assert self.refusal(host) == (f"{REPO} is gated, and ada has no access", f"accept its terms as ada: {PAGE}")

    def test_a_gated_repository_whose_authors_have_not_reviewed_the_request(self, hub, host, sign_in):
        hub.repo(REPO, FILES, gated="manual")
        sign_in(hub.account("ada", awaits={REPO}))

        message, hint = self.refusal(host)

        assert message == f"{REPO} is gated, and ada is waiting for its authors to grant access"
        assert PAGE in hint

    def test_a_gated_repository_whose_authors_rejected_the_request(self, hub, host, sign_in):
        hub.repo(REPO, FILES, gated="manual")
        sign_in(hub.account("ada", rejected={REPO}))

        message, hint = self.refusal(host)

        assert message == f"{REPO} is gated, and ada was rejected by its authors"
        assert "accept" not in hint

    def test_a_gated_repository_and_a_token_without_permission_for_gated_ones(self, hub, host, sign_in):
        """huggingface_hub reports "check your connection" here, because the answer has no error code."""
        hub.repo(REPO, FILES, gated="auto")
        sign_in(hub.account("ada", may_read={REPO}, fine_grained=True))

        message, hint = self.refusal(host)

        assert message.startswith(
            f"{REPO}: the token of ada has no permission to read it: Please enable access to public gated"
        )
        assert "https://huggingface.co/settings/tokens" in hint

    @pytest.mark.parametrize("why", ["rate limit", "broken connection"])
    def test_a_gated_repository_and_an_unknown_account(self, hub, host, sign_in, why):
        hub.repo(REPO, FILES, gated="auto")
        sign_in(hub.account("ada"))
        if why == "rate limit":
            hub.fail("whoami", 429)
        else:
            hub.break_off("whoami", after=3, reset=True)

        assert self.refusal(host)[0] == f"{REPO} is gated, and this account has no access"

    def test_an_account_with_access_gets_every_file(self, hub, host, sign_in):
        hub.repo(REPO, FILES, gated="manual")
        sign_in(hub.account("ada", may_read={REPO}))

        assert len(host.lock().repos[0].files) == len(FILES)

    @pytest.mark.parametrize("private", [False, True], ids=["missing", "private"])
    def test_missing_and_private_repositories_look_alike_without_a_token(self, hub, host, private):
        if private:
            hub.repo(REPO, FILES, private=True)

        message, hint = self.refusal(host, SourceError)

        assert message == f"the Hub shows no repository {REPO} to clients without a token"
        assert "a private repository looks like a missing one" in hint

    @pytest.mark.parametrize("private", [False, True], ids=["missing", "private"])
    def test_missing_and_private_repositories_look_alike_to_another_account(self, hub, host, sign_in, private):
        if private:
            hub.repo(REPO, FILES, private=True)
        sign_in(hub.account("ada"))

        assert self.refusal(host, SourceError)[0] == f"the Hub shows no repository {REPO} to ada"

    def test_an_owner_can_read_a_private_repository(self, hub, host, sign_in):
        hub.repo(REPO, FILES, private=True)
        sign_in(hub.account("ada", may_read={REPO}))

        assert len(host.lock().repos[0].files) == len(FILES)

    def test_an_unknown_token(self, hub, host, monkeypatch):
        """The Hub refuses it even for a public repository."""
        hub.repo(REPO, FILES)
        monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)

        message, hint = self.refusal(host, SourceError)

        assert message == f"{REPO}: the Hub does not know the token of this machine"
        assert "https://huggingface.co/settings/tokens" in hint

    def test_a_missing_revision(self, hub, host):
        hub.repo(REPO, FILES)
        host.ask_for(at="v9")

        message, hint = self.refusal(host, RevisionNotFound)

        assert message == f"{REPO} has no revision v9"
        assert hint == f"choose one of its branches and tags: {PAGE}/tree/main"


class TestFailures:
    """Transient failures are retried; others are reported in one sentence."""

    def failure(self, host):
        with pytest.raises(SourceError) as caught:
            host.lock()
        return caught.value.message

    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    def test_a_rate_limited_client_waits_as_long_as_retry_after_says(self, hub, host, waits, method):
        hub.repo(REPO, FILES)
        hub.fail(WEIGHTS, 429, method=method, times=2, Retry_After="17")

        host.lock()

        assert [wait for wait in waits if wait >= 17]

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_transient_server_error_is_retried(self, hub, host, waits, status):
        hub.repo(REPO, FILES)
        hub.fail(WEIGHTS, status, method="HEAD", times=3)

        host.lock()

        assert len(waits) == 2

    @pytest.mark.parametrize(
        ("path", "method", "status"),
        [
            ("/revision/", "GET", 429),
            ("/revision/", "GET", 503),
            (WEIGHTS, "GET", 500),
            (WEIGHTS, "GET", 403),
            (WEIGHTS, "HEAD", 503),
            (WEIGHTS, "HEAD", 429),
        ],
    )
    def test_a_persistent_server_error_is_reported_with_its_status(self, hub, host, waits, path, method, status):
        hub.repo(REPO, FILES)
        hub.fail(path, status, method=method, times=100)

        assert self.failure(host).startswith(f"{REPO}: the Hub answered with an error: ")
        assert str(status) in self.failure(host)

    def test_an_interrupted_download_is_resumed(self, hub, host, waits):
        """The client writes 10 MiB at a time, and resumes after the last full write."""
        large = hashlib.shake_128(b"large").digest(11 << 20)
        hub.repo(REPO, {"plda/plda.npz": large})
        hub.break_off("plda.npz", after=len(large) - 1)

        (repo,) = host.lock().repos

        assert [each.range for each in hub.requests("plda.npz", host="cdn")] == [None, f"bytes={10 << 20}-"]
        assert repo.files[0].content.digest.hex == hashlib.sha256(large).hexdigest()

    def test_a_download_that_is_always_interrupted(self, hub, host, waits):
        hub.repo(REPO, FILES)
        hub.break_off(WEIGHTS, after=0, times=100)

        assert self.failure(host).startswith(f"{REPO}: the Hub cannot be reached: peer closed connection")

    def test_a_reset_connection(self, hub, host, waits):
        hub.repo(REPO, FILES)
        hub.break_off(WEIGHTS, after=1000, times=100, reset=True)

        assert self.failure(host).startswith(f"{REPO}: the Hub cannot be reached: ")

    def test_an_unreachable_hub(self, hub, host, waits, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")

        assert self.failure(host).startswith(f"{REPO}: the Hub cannot be reached: ")

    @pytest.mark.parametrize("document", [b"{}", b"[]", b"null", b'{"id": 1, "siblings": [1]}', b"\xff"])
    def test_a_document_that_is_not_the_hub_s(self, hub, host, document):
        hub.repo(REPO, FILES)
        hub.answer("/revision/", document, "application/json")

        assert self.failure(host).startswith(f"{REPO}: the ")

    def test_a_xet_storage_that_refuses(self, hub, host):
        """The Hub names the storage of a large file, which a proxy may refuse; hf_xet raises RuntimeError."""
        hub.repo(REPO, FILES)
        hub.xet_storage = f"{hub.endpoint}/no-storage"

        with pytest.raises(SourceError) as caught:
            host.lock()

        assert caught.value.message.startswith(f"{REPO}: the Hub's Xet storage failed: ")
        assert hub.xet_storage in caught.value.message
        assert "HF_HUB_DISABLE_XET=1" in caught.value.hint

    def test_a_captive_portal_page_instead_of_the_hub(self, hub, host):
        hub.repo(REPO, FILES)
        hub.answer("/revision/", b"<html>Please log in to the hotel's network</html>", "text/html")

        assert self.failure(host).startswith(f"{REPO}: the Hub cannot be reached: ")

    def test_a_machine_in_offline_mode(self, hub, host, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

        assert "offline mode is enabled" in self.failure(host)

    def test_a_mirror_that_lists_no_digests(self, hub, host):
        commit = hub.repo(REPO, FILES).refs["main"]
        listing = {"id": REPO, "sha": commit, "siblings": [{"rfilename": "config.yaml"}]}
        hub.answer("/revision/", json.dumps(listing).encode(), "application/json")

        assert self.failure(host) == f"{REPO}: the Hub lists no digest for config.yaml"

    def test_a_hub_cache_that_is_not_writable(self, hub, host, hub_home):
        hub.repo(REPO, FILES)
        hub_home.write_text("a file where the folder should be")

        with pytest.raises(DiskError, match=str(hub_home)):
            host.lock()


class TestWrongBytes:
    """huggingface_hub compares only sizes."""

    @pytest.mark.parametrize("path", [WEIGHTS, "config.yaml"], ids=["a sha256", "a git blob"])
    def test_a_file_that_differs_from_its_etag_is_never_locked(self, hub, host, path):
        hub.repo(REPO, FILES).altered[path] = FILES[path][::-1]

        with pytest.raises(IntegrityError, match=f"^{REPO}: {path} does not match its etag "):
            host.lock()

    def test_a_file_that_differs_from_the_lock_is_never_built(self, hub, host):
        hub.repo(REPO, FILES)
        host.lock()
        document = json.loads(lock_path(host.request).read_text())
        document["repos"][0]["files"][2]["digest"] = f"sha256:{'0' * 64}"
        lock_path(host.request).write_text(json.dumps(document))

        with pytest.raises(IntegrityError, match=f"^{REPO}: config.yaml differs from the lock$"):
            host.build()

        assert not (host.out / MANIFEST_NAME).exists()

    def test_a_damaged_file_in_the_hub_cache_is_downloaded_again(self, hub, host, hub_home):
        hub.repo(REPO, FILES)
        host.lock()
        (blob,) = hub_home.rglob(f"blobs/{etag(WEIGHTS, FILES[WEIGHTS])}")
        blob.write_bytes(bytes(len(FILES[WEIGHTS])))

        host.build()

        assert blob.read_bytes() == FILES[WEIGHTS]


class TestBuild:
    """A build uses exactly what the lock pins."""

    def test_a_build_uses_the_locked_commit_after_the_branch_moved(self, hub, host, hub_home):
        repo = hub.repo(REPO, FILES)
        locked = host.lock().repos[0].commit_hash
        repo.commit({**FILES, "config.yaml": b"another"})
        hub_home.rename(hub_home.with_name("forgotten"))

        manifest = host.build()

        assert manifest.repos[0].commit_hash == locked
        assert members(host)["refs/main"] == locked.encode()
        assert FILES["config.yaml"] in members(host).values()
        assert not hub.requests("/revision/main")[1:], "only resolve looked the branch up"

    def test_a_build_from_the_hub_cache_sends_no_request(self, hub, host):
        hub.repo(REPO, FILES)
        host.lock()
        hub.log.clear()

        host.build()

        assert hub.log == []

    def test_a_locked_file_missing_on_the_hub(self, hub, host):
        hub.repo(REPO, FILES)
        host.lock()
        lock_path(host.request).write_text(lock_path(host.request).read_text().replace("config.yaml", "confjg.yaml"))

        with pytest.raises(SourceError, match="Entry not found"):
            host.build()

    def test_the_archive_holds_exactly_a_cache_in_the_classic_layout(self, hub, host):
        commit = hub.repo(REPO, FILES).refs["main"]
        host.lock()
        host.build()

        found = members(host)

        blobs = {f"blobs/{hashlib.sha256(data).hexdigest()}": data for data in FILES.values()}
        links = {
            f"snapshots/{commit}/{path}": f"{'../' * (2 + path.count('/'))}blobs/{hashlib.sha256(data).hexdigest()}"
            for path, data in FILES.items()
        }
        assert found == {**blobs, **links, "refs/main": commit.encode()}
        assert len(found["refs/main"]) == 40


def members(host):
    """Return the archive's members below the repository's folder: the bytes of a file, or the target of a link."""
    top = f"huggingface/hub/models--{REPO.replace('/', '--')}/"
    with tarfile.open(host.out / ARCHIVE_NAME) as archive:
        listed = [member for member in archive if not member.isdir()]
        assert all(member.name.startswith(top) for member in listed)
        return {
            member.name.removeprefix(top): member.linkname if member.issym() else archive.extractfile(member).read()
            for member in listed
        }
