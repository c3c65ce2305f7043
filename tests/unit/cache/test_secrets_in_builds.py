"""No token is published: not in a file, not split across chunks, not as a token file."""

import io

import pytest
from support.local_host import REPO, LocalHost

from diarize_runner.cache.builder.secrets import reject_secrets
from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME
from diarize_runner.digests import READ_SIZE
from diarize_runner.errors import SecretFound

TOKEN = b"hf_" + b"AbCdEfGhIj0123456789" + b"abcdefghij"
"""The shortest text that counts as a token: 30 letters and digits after the prefix."""
CONFIG = {"config.yaml": b"pipeline:\n  name: pyannote.audio.pipelines.SpeakerDiarization\n"}


@pytest.fixture
def host(tmp_path):
    return LocalHost(folder=tmp_path)


def build_refusal(host, files):
    """Require that a build of `files` is refused, without a manifest or a token on disk; return the error message."""
    host.ask_for({**CONFIG, **files})
    host.lock()
    with pytest.raises(SecretFound) as caught:
        host.build()
    assert not (host.out / MANIFEST_NAME).exists()
    archive = host.out / ARCHIVE_NAME
    assert not archive.exists() or TOKEN not in archive.read_bytes()
    assert TOKEN.decode() not in f"{caught.value.message} {caught.value.hint}"
    return caught.value.message


HOLDING = {
    "alone": TOKEN,
    "in a sentence": b"from_pretrained(..., token='" + TOKEN + b"')\n",
    "longer": TOKEN + b"klmnopqrst",
    "between bytes that are no text": b"\0\xff" + TOKEN + b"\xfe\0",
    "twice": TOKEN + b" " + TOKEN,
    "an organisation's, of the old kind": b"api_org_" + TOKEN[3:],
    "at the end of a large file": bytes(3 * READ_SIZE - len(TOKEN)) + TOKEN,
}


@pytest.mark.parametrize("data", HOLDING.values(), ids=list(HOLDING))
def test_a_file_that_holds_a_token_stops_the_build_and_is_named(host, data):
    message = build_refusal(host, {"docs/notes.txt": data})

    assert message == f"{REPO}: docs/notes.txt holds what looks like a Hugging Face token"


NOT_TOKENS = {
    "one letter too short": TOKEN[:-1],
    "another prefix": b"hg_" + TOKEN[3:],
    "a sign in the middle": TOKEN[:20] + b"-" + TOKEN[20:],
    "a function's name": b"hf_hub_download_with_a_name_of_some_length",
    "every byte there is": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("data", NOT_TOKENS.values(), ids=list(NOT_TOKENS))
def test_text_that_is_not_a_token_is_built(host, data):
    host.ask_for({**CONFIG, "notes.txt": data})
    host.lock()

    assert host.build().version == "1.0"


@pytest.mark.parametrize("before", range(len(TOKEN) + 1))
def test_a_token_split_across_two_chunks_is_found(host, before):
    message = build_refusal(host, {"notes.txt": bytes(READ_SIZE - before) + TOKEN + b"\n"})

    assert message == f"{REPO}: notes.txt holds what looks like a Hugging Face token"


@pytest.mark.parametrize("size", [1, 2, 5, 31])
def test_a_token_in_chunks_smaller_than_itself_is_found(size):
    data = b"so: " + b"api_org_" + TOKEN[3:] + b"."
    passed, pieces = io.BytesIO(), (data[at : at + size] for at in range(0, len(data), size))

    with pytest.raises(SecretFound):
        passed.writelines(reject_secrets(pieces, "notes.txt"))

    assert data.startswith(passed.getvalue())
    assert len(passed.getvalue()) < len(data) - 1


def test_chunks_without_a_token_are_yielded_unchanged():
    pieces = [b"", b"hf_", b"", TOKEN[3:20], b" ", TOKEN[:-1], b"\0" * 100]

    assert list(reject_secrets(iter(pieces), "notes.txt")) == pieces


@pytest.mark.parametrize(
    "path",
    ["token", "stored_tokens", "deep/in/token", "Token", "poetry.lock", "0123.incomplete", ".locks/a.LOCK"],
)
def test_a_file_named_like_a_token_a_lock_or_a_partial_download_stops_the_build(host, path):
    message = build_refusal(host, {path: b"harmless"})

    assert message == f"{REPO}: {path} has the name of a token, a lock or a partial download"


@pytest.mark.parametrize("path", ["tokenizer.json", "token.md", "lock", "tokens/vocabulary.txt"])
def test_a_file_with_a_similar_name_is_built(host, path):
    host.ask_for({**CONFIG, path: b"harmless"})
    host.lock()

    assert host.build().version == "1.0"


def test_a_token_in_a_file_name_stops_the_build_and_is_masked(host):
    message = build_refusal(host, {f"notes-{TOKEN.decode()}.txt": b"harmless"})

    assert message == f"{REPO}: notes-hf_***.txt has a token in its name"


def test_a_token_in_the_requirements_stops_the_build_before_any_fetch(host):
    host.ask_for(CONFIG)
    host.lock()
    host.requirements.write_bytes(b"--extra-index-url https://me:" + TOKEN + b"@example.org/simple\nnothing==1\n")

    with pytest.raises(SecretFound, match=r"requirements\.txt holds what looks like a Hugging Face token"):
        host.build()

    assert not host.out.exists()


def test_an_archive_is_stored_uncompressed(host):
    """So the other tests would find a token in the archive's bytes."""
    host.ask_for({**CONFIG, "notes.txt": b"a sentence to look for"})
    host.lock()
    host.build()

    assert b"a sentence to look for" in (host.out / ARCHIVE_NAME).read_bytes()
