"""A simulated Hugging Face Hub over HTTP on loopback, for the real client with HF_ENDPOINT.

It implements what huggingface_hub 2.4.0 reads (file_download.py, utils/_http.py), with the status codes, headers and
messages of huggingface.co, also the misleading ones: the listing of a gated repository is public, only its files are
not; without a token, a missing or private repository is 401 without X-Error-Code; large files come from another host,
whose ETag is not their digest.
"""

import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".bin", ".npz", ".safetensors")
"""Suffixes that .gitattributes stores in LFS."""
PUBLIC_OF_GATED = ("README.md", ".gitattributes")

_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_SMALL = re.compile(r"/api/resolve-cache/models/([^/]+/[^/]+)/([^/]+)/(.+)")


@dataclass(kw_only=True)
class HubRepo:
    """A repository: its commits, and its branches and tags."""

    repo_id: str
    gated: str | bool = False
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    altered: dict[str, bytes] = field(default_factory=dict)
    """By path: bytes to send instead of the content, with the ETag of the content."""

    def commit(self, files: Mapping[str, bytes], *, branch: str = "main") -> str:
        """Commit `files` to `branch`; return the commit hash."""
        listing = f"{self.repo_id} {len(self.commits)} {[(path, etag(path, files[path])) for path in files]}"
        name = hashlib.sha1(listing.encode()).hexdigest()
        self.commits[name] = dict(files)
        self.refs[branch] = name
        return name

    def resolved(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag or a commit hash names."""
        return revision if revision in self.commits else self.refs.get(revision)


@dataclass(kw_only=True)
class Account:
    """An account with a token."""

    name: str
    token: str
    may_read: set[str] = field(default_factory=set)
    """Gated repositories with granted access, and its own private ones."""
    awaits: set[str] = field(default_factory=set)
    """Gated repositories with a pending access request."""
    rejected: set[str] = field(default_factory=set)
    """Gated repositories with a rejected access request."""
    fine_grained: bool = False
    """Whether its token is fine-grained, without access to gated repositories."""


@dataclass(frozen=True, kw_only=True)
class Logged:
    """A received request."""

    method: str
    path: str
    host: str
    """`hub`, or `cdn`."""
    authorization: str | None
    range: str | None


@dataclass(kw_only=True)
class Fault:
    """A fault for the next requests whose method and path match."""

    method: str
    path: str
    times: int
    reply: Callable[["_Handler"], None]


@dataclass(frozen=True, kw_only=True)
class _Break:
    """The byte at which a body breaks off, and whether the connection is reset."""

    after: int
    reset: bool


@dataclass(kw_only=True)
class HubSimulator:
    """The state of a Hub, and its request log."""

    endpoint: str = ""
    cdn: str = ""
    xet_storage: str = ""
    """The address of the storage that the Hub names for large files; empty for a Hub without Xet."""
    repos: dict[str, HubRepo] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)

    def repo(self, repo_id: str, files: Mapping[str, bytes], **how: object) -> HubRepo:
        """Create a repository with one commit on `main`."""
        self.repos[repo_id] = HubRepo(repo_id=repo_id, **how)
        self.repos[repo_id].commit(files)
        return self.repos[repo_id]

    def account(self, name: str, **how: object) -> Account:
        """Create an account; its token looks like a real one."""
        token = "hf_" + hashlib.sha256(name.encode()).hexdigest()[:34]
        self.accounts.append(Account(name=name, token=token, **how))
        return self.accounts[-1]

    def fail(self, path: str, status: int, *, times: int = 1, method: str = "GET", **headers: str) -> None:
        """Respond with `status` to the next `times` requests for a path that contains `path`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._fault(method, path, times, lambda handler: handler.send(status, b"{}", named))

    def answer(self, path: str, body: bytes, content_type: str) -> None:
        """Respond with `body` to every GET for a path that contains `path`, like a bad proxy."""
        self._fault("GET", path, 1000, lambda handler: handler.send(200, body, {"Content-Type": content_type}))

    def break_off(self, path: str, *, after: int, times: int = 1, reset: bool = False) -> None:
        """End the next `times` bodies for a path that contains `path` after some bytes, by a close or a reset."""
        self._fault("GET", path, times, lambda handler: handler.serve(_Break(after=after, reset=reset)))

    def _fault(self, method: str, path: str, times: int, reply: Callable[["_Handler"], None]) -> None:
        self.faults.append(Fault(method=method, path=path, times=times, reply=reply))

    def requests(self, path: str = "", *, method: str = "", host: str = "") -> list[Logged]:
        """Return the requests that came for a path that contains `path`."""
        return [each for each in self.log if path in each.path and method in each.method and host in each.host]


@lru_cache
def etag(path: str, data: bytes) -> str:
    """Return the ETag of a file: the SHA-256 of a file in LFS, else the SHA-1 of the git blob."""
    return hashlib.sha256(data).hexdigest() if path.endswith(LARGE) else _git_blob(data)


@contextmanager
def running_hub() -> Iterator[HubSimulator]:
    """Run an empty Hub, and the host of its large files, until the block ends."""
    hub = HubSimulator()
    with ExitStack() as servers:
        hub.endpoint = servers.enter_context(_serving(hub, "hub"))
        hub.cdn = servers.enter_context(_serving(hub, "cdn"))
        yield hub


@contextmanager
def _serving(hub: HubSimulator, host: str) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"hub": hub, "host": host})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Refused(Exception):
    """An error response of the Hub."""

    def __init__(self, status: int, message: str, code: str | None = None, commit: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.commit = status, message, code, commit


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubSimulator
    host: str

    def do_GET(self) -> None:
        self._break: _Break | None = None
        sent, path = self.headers, unquote(urlsplit(self.path).path)
        seen = {"authorization": sent.get("Authorization"), "range": sent.get("Range"), "host": self.host}
        self.hub.log.append(Logged(method=self.command, path=path, **seen))
        for fault in self.hub.faults:
            if fault.times and fault.method == self.command and fault.path in path:
                fault.times -= 1
                fault.reply(self)
                return
        self.serve()

    do_HEAD = do_GET  # noqa: N815  # http.server's name

    def serve(self, broken: _Break | None = None) -> None:
        """Respond as the Hub does, or with a body that breaks off."""
        self._break = broken
        path = unquote(urlsplit(self.path).path)
        try:
            self._route(urlsplit(self.path).path)
        except _Refused as refused:
            self._refuse(refused, path)

    def _route(self, path: str) -> None:
        """Route a path that is still quoted: a revision may have slashes."""
        if self.host == "cdn":
            self._send_large(unquote(path).strip("/"))
        elif "/xet-read-token/" in path:
            self._send_xet_token()
        elif path == "/api/whoami-v2":
            self._send_account()
        elif match := _SMALL.fullmatch(path):
            self._send_file(*map(unquote, match.groups()), linked=True)
        elif match := _API.fullmatch(path):
            self._send_listing(*(part and unquote(part) for part in match.groups()))
        elif match := _RESOLVE.fullmatch(path):
            self._send_file(*map(unquote, match.groups()), linked=False)
        else:
            raise _Refused(404, "Not found")

    def _send_listing(self, repo_id: str, kind: str | None, revision: str | None) -> None:
        repo = self._visible(repo_id)
        commit = self._commit(repo, revision or "main")
        files = repo.commits[commit].items()
        if kind == "tree":
            self._send_json([_tree_entry(path, data) for path, data in files])
            return
        blobs = parse_qs(urlsplit(self.path).query).get("blobs", ["false"]) != ["false"]
        siblings = [_sibling(path, data) if blobs else {"rfilename": path} for path, data in files]
        seen = {"id": repo_id, "sha": commit, "private": repo.private, "gated": repo.gated}
        self._send_json({**seen, "siblings": siblings})

    def _send_file(self, repo_id: str, revision: str, path: str, *, linked: bool) -> None:
        repo = self._visible(repo_id)
        if repo.gated and path not in PUBLIC_OF_GATED:
            self._require_let_in(repo)
        commit = self._commit(repo, revision)
        if path not in repo.commits[commit]:
            raise _Refused(404, "Entry not found", "EntryNotFound", commit)
        data = repo.commits[commit][path]
        headers = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{etag(path, data)}"', "Accept-Ranges": "bytes"}
        if path.endswith(LARGE):
            headers |= self._xet_headers(repo_id, commit, etag(path, data))
            location = f"{self.hub.cdn}/{_address(repo_id, path, data)}?Signature=signed"
            self.send(302, b"Found", {**headers, "X-Linked-Size": str(len(data)), "Location": location})
        elif linked:
            self._send_body(repo.altered.get(path, data), {**headers, "ETag": f'"{etag(path, data)}"'})
        else:
            self.send(307, b"", {**headers, "Location": f"/api/resolve-cache/models/{repo_id}/{commit}/{path}"})

    def _xet_headers(self, repo_id: str, commit: str, digest: str) -> dict[str, str]:
        if not self.hub.xet_storage:
            return {}
        return {
            "X-Xet-Hash": digest,
            "X-Xet-Refresh-Route": f"{self.hub.endpoint}/api/models/{repo_id}/xet-read-token/{commit}",
        }

    def _send_xet_token(self) -> None:
        headers = {
            "X-Xet-Cas-Url": self.hub.xet_storage,
            "X-Xet-Access-Token": "xet-token",
            "X-Xet-Token-Expiration": str(int(time.time()) + 3600),
        }
        self.send(200, b"{}", headers)

    def _send_large(self, address: str) -> None:
        for repo in self.hub.repos.values():
            for files in repo.commits.values():
                for path, data in files.items():
                    if _address(repo.repo_id, path, data) == address:
                        self._send_body(repo.altered.get(path, data), {"ETag": '"of another kind"'})
                        return
        raise _Refused(403, "Access denied")

    def _send_account(self) -> None:
        account = self._account()
        if account is None:
            raise _Refused(401, "Invalid username or password.")
        self._send_json({"type": "user", "name": account.name, "auth": {"type": "access_token"}})

    def _account(self) -> Account | None:
        sent = self.headers.get("Authorization")
        if sent is None:
            return None
        for account in self.hub.accounts:
            if sent == f"Bearer {account.token}":
                return account
        raise _Refused(401, "Invalid credentials in Authorization header")

    def _visible(self, repo_id: str) -> HubRepo:
        account, repo = self._account(), self.hub.repos.get(repo_id)
        if repo and (not repo.private or (account and repo_id in account.may_read)):
            return repo
        if account is None:
            raise _Refused(401, "Invalid username or password.")
        raise _Refused(404, "Repository not found", "RepoNotFound")

    def _require_let_in(self, repo: HubRepo) -> None:
        account, name = self._account(), f"model {repo.repo_id}"
        if account is None:
            sentence = f"Access to {name} is restricted. You must have access to it and be authenticated to access it."
            raise _Refused(401, f"{sentence} Please log in.", "GatedRepo")
        if account.fine_grained:
            settings = "your fine-grained token settings to view this repository."
            raise _Refused(403, f"Please enable access to public gated repositories in {settings}")
        if repo.repo_id in account.awaits:
            sentence = f"Your request to access {name} is awaiting a review from the repo authors."
            raise _Refused(403, sentence, "GatedRepo")
        if repo.repo_id in account.rejected:
            sentence = f"Your request to access {name} has been rejected by the repo's authors."
            raise _Refused(403, sentence, "GatedRepo")
        if repo.repo_id not in account.may_read:
            sentence = f"Access to {name} is restricted and you are not in the authorized list."
            page = f"https://huggingface.co/{repo.repo_id}"
            raise _Refused(403, f"{sentence} Visit {page} to ask for access.", "GatedRepo")

    def _commit(self, repo: HubRepo, revision: str) -> str:
        commit = repo.resolved(revision)
        if commit is None:
            raise _Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit

    def _refuse(self, refused: _Refused, path: str) -> None:
        headers = {"X-Error-Message": refused.message, "Content-Type": "text/plain"}
        headers |= {"X-Error-Code": refused.code} if refused.code else {}
        headers |= {"X-Repo-Commit": refused.commit} if refused.commit else {}
        is_api = path.startswith("/api/")
        body = json.dumps({"error": refused.message}) if is_api else refused.message
        headers |= {"Content-Type": "application/json"} if is_api else {}
        self.send(refused.status, body.encode(), headers)

    def _send_json(self, document: object) -> None:
        self.send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send_body(self, data: bytes, headers: dict[str, str]) -> None:
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if requested is None:
            self.send(200, data, headers)
            return
        start, end = int(requested[1]), min(int(requested[2] or len(data) - 1), len(data) - 1)
        if start > end:
            self.send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        headers |= {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        self.send(206, data[start : end + 1], headers)

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a complete response, or one that breaks off."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self._break and status in (200, 206):
            self._break_off(body, self._break)
        else:
            self.wfile.write(body)

    def _break_off(self, body: bytes, broken: _Break) -> None:
        self.wfile.write(body[: broken.after])
        self.close_connection = True
        if broken.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Print nothing; HubSimulator has its own log."""


def _address(repo_id: str, path: str, data: bytes) -> str:
    return hashlib.sha256(f"{repo_id} {etag(path, data)}".encode()).hexdigest() + f"/{path}"


@lru_cache
def _git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _pointer(data: bytes) -> bytes:
    oid = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()


def _sibling(path: str, data: bytes) -> dict[str, object]:
    if not path.endswith(LARGE):
        return {"rfilename": path, "size": len(data), "blobId": _git_blob(data)}
    pointer = _pointer(data)
    lfs = {"sha256": etag(path, data), "size": len(data), "pointerSize": len(pointer)}
    return {"rfilename": path, "size": len(data), "blobId": _git_blob(pointer), "lfs": lfs}


def _tree_entry(path: str, data: bytes) -> dict[str, object]:
    entry = {"type": "file", "path": path, "size": len(data), "oid": _git_blob(data)}
    if not path.endswith(LARGE):
        return entry
    pointer = _pointer(data)
    lfs = {"oid": etag(path, data), "size": len(data), "pointerSize": len(pointer)}
    return {**entry, "oid": _git_blob(pointer), "lfs": lfs}
