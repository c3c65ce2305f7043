"""Writes to S3: multipart uploads, lost responses, and servers without conditional writes."""

from dataclasses import replace

import pytest
from support.buckets import QUICK, refusal
from support.caches import noise
from support.swift import PAGE, require_swift
from support.web import changed, lost, reset, responds_with, responds_with_status

from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.digests import hash_file
from diarize_runner.errors import DiskError, ObjectExists, StoreError, SwapConflict
from diarize_runner.store.s3.store import S3Store, UnconditionalS3Store
from diarize_runner.store.s3.upload import PART

pytestmark = pytest.mark.usefixtures("isolated_environment")

KEY = "v1.0/object"


def completes(request):
    return request.method == "POST" and "uploadId=" in request.path


def puts(request):
    return request.method == "PUT"


def copies(request):
    return "x-amz-copy-source" in request.headers


class TestMultipartUploads:
    def test_make_one_object(self, store, source, swift_cloud, bucket):
        path = source(noise(PART + 7))
        store.create(KEY, path)
        store.copy(KEY, "latest/object")

        assert store.digest(KEY) == store.digest("latest/object") == hash_file(path).digest
        assert swift_cloud.unfinished(bucket) == []
        with pytest.raises(ObjectExists):
            store.create(KEY, path)

    def test_leave_nothing_when_interrupted(self, flaky_store, swift_proxy, source, swift_cloud, bucket):
        before = swift_cloud.keys(bucket)
        swift_proxy.fails(reset, times=99, when=lambda request: "partNumber=2" in request.path)

        with pytest.raises(StoreError, match="the server broke off or does not respond"):
            flaky_store.create("v1.0/large", source(noise(2 * PART + 7)))

        assert swift_cloud.keys(bucket) == before
        assert swift_cloud.unfinished(bucket) == []

    def test_leave_nothing_when_the_source_disappears(self, flaky_store, swift_proxy, source, swift_cloud, bucket):
        path = source(noise(PART + 7))

        def remove_source(handler, request, origin):
            path.unlink()
            handler.send(origin(request))

        swift_proxy.fails(remove_source, when=lambda request: request.path.endswith("?uploads"))

        with pytest.raises(DiskError, match="No such file"):
            flaky_store.create("v1.0/large", path)
        assert swift_cloud.unfinished(bucket) == []

    def test_report_the_cause_and_not_a_failed_cleanup(self, flaky_store, swift_proxy, source):
        swift_proxy.fails(responds_with_status(403), when=lambda request: "partNumber=1" in request.path)
        swift_proxy.fails(responds_with_status(500), times=99, when=lambda request: request.method == "DELETE")

        with pytest.raises(StoreError, match=r"access was denied, or the object does not exist: .* \(403\)$"):
            flaky_store.create("v1.0/large", source(noise(PART + 7)))

    @pytest.mark.parametrize(("setting", "parts_with_checksum"), [("when_supported", 2), ("when_required", 0)])
    def test_declare_the_checksum_in_every_request_or_in_none(
        self, setting, parts_with_checksum, moto_cloud, moto_proxy, source, monkeypatch
    ):
        """AWS refuses a part with an undeclared checksum, and a completion that omits a declared one."""
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", setting)

        S3Store.at(f"s3://{moto_cloud.new_bucket()}", QUICK).create(KEY, source(noise(PART + 7)))

        (created,) = [request for request in moto_proxy.requests if request.path.endswith("?uploads")]
        sent = [request for request in moto_proxy.requests if "partNumber=" in request.path]
        (end,) = [request for request in moto_proxy.requests if completes(request)]
        assert (created.headers.get("x-amz-checksum-algorithm") == "CRC32") == bool(parts_with_checksum)
        assert len([part for part in sent if "x-amz-checksum-crc32" in part.headers]) == parts_with_checksum
        assert end.body.count(b"<ChecksumCRC32>") == parts_with_checksum

    def test_succeed_when_the_last_response_is_lost(self, flaky_store, swift_proxy, source):
        swift_proxy.fails(lost, when=completes)
        path = source(noise(PART + 7))

        flaky_store.create("v1.0/large", path)

        assert flaky_store.digest("v1.0/large") == hash_file(path).digest

    def test_that_are_gone_at_completion_are_looked_up(self, flaky_store, swift_proxy, source):
        swift_proxy.fails(changed(lambda _: refusal(404, "NoSuchUpload")), when=completes)
        path = source(noise(PART + 7))

        with pytest.raises(ObjectExists):
            flaky_store.create("v1.0/large", path)

        assert flaky_store.digest("v1.0/large") == hash_file(path).digest

    def test_are_aborted_when_another_writer_was_first_on_moto(self, moto_store, moto_proxy, moto_cloud, source):
        def overtake(handler, request, origin):
            S3Store.at(moto_store.url, QUICK).create("v1.0/large", source(b"first", "first"))
            handler.send(origin(request))

        moto_proxy.fails(overtake, when=lambda request: request.path.endswith("?uploads"))

        with pytest.raises(ObjectExists):
            moto_store.create("v1.0/large", source(noise(PART + 7)))

        assert moto_store.read("v1.0/large").data == b"first"
        assert moto_cloud.unfinished(moto_store.url.split("/")[2]) == []


class TestCopies:
    """Failures that boto3 does not retry."""

    @pytest.fixture(params=[b"small", noise(9 << 20)], ids=["in one", "in parts"])
    def data(self, request):
        return request.param

    @pytest.mark.parametrize(
        "fault", [lost, reset, responds_with_status(503)], ids=["response lost", "no response", "server error"]
    )
    def test_survive_a_bad_connection(self, fault, data, flaky_store, swift_proxy, source):
        flaky_store.create(KEY, source(data))
        swift_proxy.fails(fault, when=lambda request: copies(request) or completes(request))

        flaky_store.copy(KEY, "latest/object")

        assert flaky_store.read("latest/object").data == data

    def test_with_a_conflict_are_retried(self, data, flaky_store, swift_proxy, source):
        flaky_store.create(KEY, source(data))
        swift_proxy.fails(responds_with(refusal(409, "OperationAborted")), when=copies)

        flaky_store.copy(KEY, "latest/object")

        assert flaky_store.read("latest/object").data == data

    def test_with_constant_conflicts_fail_and_keep_the_target(
        self, data, flaky_store, swift_proxy, source, swift_cloud, bucket
    ):
        flaky_store.create(KEY, source(data))
        flaky_store.create("latest/object", source(b"old", "old"))
        before = swift_cloud.keys(bucket)
        swift_proxy.fails(responds_with(refusal(409, "OperationAborted")), times=99, when=copies)

        with pytest.raises(StoreError, match=rf"/{KEY}: the write conflicts with another one \(OperationAborted\)$"):
            flaky_store.copy(KEY, "latest/object")

        assert flaky_store.read("latest/object").data == b"old"
        assert swift_cloud.keys(bucket) == before
        assert swift_cloud.unfinished(bucket) == []

    def test_in_parts_of_a_changed_source_copy_the_new_source(self, flaky_store, swift_proxy, source):
        data = noise(9 << 20)
        flaky_store.create(KEY, source(data))
        swift_proxy.fails(responds_with(refusal(412, "PreconditionFailed")), when=copies)

        flaky_store.copy(KEY, "latest/object")

        assert flaky_store.read("latest/object").data == data

    def test_that_are_gone_at_completion_are_made_again(self, flaky_store, swift_proxy, source):
        data = noise(9 << 20)
        flaky_store.create(KEY, source(data))
        swift_proxy.fails(responds_with(refusal(404, "NoSuchUpload")), when=completes)

        flaky_store.copy(KEY, "latest/object")

        assert flaky_store.read("latest/object").data == data


class TestSwaps:
    """On moto: Swift has no If-Match."""

    def test_succeed_when_the_response_is_lost(self, moto_store, moto_proxy):
        moto_store.swap("latest/object", b"first", expected=None)
        moto_proxy.fails(lost, when=puts)

        moto_store.swap("latest/object", b"second", expected=moto_store.read("latest/object"))

        assert moto_store.read("latest/object").data == b"second"

    def test_succeed_when_the_first_response_is_lost(self, moto_store, moto_proxy):
        moto_proxy.fails(lost, when=puts)

        moto_store.swap("latest/object", b"first", expected=None)

        assert moto_store.read("latest/object").data == b"first"

    def test_with_a_conflict_are_retried(self, moto_store, moto_proxy):
        moto_proxy.fails(responds_with(refusal(409, "ConditionalRequestConflict")), when=puts)

        moto_store.swap("latest/object", b"first", expected=None)

        assert moto_store.read("latest/object").data == b"first"

    def test_with_constant_conflicts_fail(self, moto_store, moto_proxy):
        moto_proxy.fails(responds_with(refusal(409, "ConditionalRequestConflict")), times=99, when=puts)

        with pytest.raises(StoreError, match="the write conflicts with another one") as error:
            moto_store.swap("latest/object", b"first", expected=None)

        assert error.value.hint == "run again"
        assert len([request for request in moto_proxy.requests if puts(request)]) == QUICK.max_attempts


def test_create_checks_first_on_a_server_that_ignores_conditions(moto_store, moto_proxy, source):
    relayed = moto_proxy.origin

    def ignorant(request):
        kept = {name: value for name, value in request.headers.items() if name != "If-None-Match"}
        return relayed(replace(request, headers=kept))

    moto_proxy.origin = ignorant
    moto_store.create(KEY, source(b"first"))

    with pytest.raises(ObjectExists):
        moto_store.create(KEY, source(b"second"))
    assert moto_store.read(KEY).data == b"first"


class TestServersWithoutConditionalWrites:
    """Swift supports If-None-Match, but not If-Match."""

    @pytest.fixture
    def unconditional(self, bucket):
        return UnconditionalS3Store.at(f"s3://{bucket}/models", QUICK)

    def test_are_an_error_with_a_hint(self, store):
        store.swap("latest/object", b"first", expected=None)

        with pytest.raises(StoreError) as error:
            store.swap("latest/object", b"second", expected=store.read("latest/object"))

        assert error.value.message == f"{store.url}/latest/object: the server does not support conditional writes"
        assert error.value.hint == "publish with --without-conditional-writes, one publisher at a time"
        assert store.read("latest/object").data == b"first"

    def test_are_checked_before_a_create(self, unconditional, source):
        unconditional.create(KEY, source(b"first"))

        with pytest.raises(ObjectExists, match=f"^{unconditional.url} already has {KEY}$"):
            unconditional.create(KEY, source(b"second"))
        assert unconditional.read(KEY).data == b"first"

    def test_are_checked_before_a_swap(self, unconditional):
        unconditional.swap("latest/object", b"first", expected=None)
        stale = unconditional.read("latest/object")
        unconditional.swap("latest/object", b"second", expected=stale)

        for expected in (None, stale):
            with pytest.raises(SwapConflict, match=r"^latest/object in s3://.* was changed by another writer$"):
                unconditional.swap("latest/object", b"third", expected=expected)
        assert unconditional.read("latest/object").data == b"second"

    def test_get_no_conditions(self, swift_proxy, bucket, source):
        unconditional = UnconditionalS3Store.at(f"s3://{bucket}/models", QUICK)
        unconditional.create(KEY, source(noise(PART + 7)))
        unconditional.swap("latest/object", b"first", expected=None)
        unconditional.swap("latest/object", b"second", expected=unconditional.read("latest/object"))

        assert {name for request in swift_proxy.requests for name in request.headers if name.startswith("If-")} == set()


def test_without_swift_its_tests_are_skipped_unless_it_is_required(monkeypatch, tmp_path):
    monkeypatch.setattr("support.swift.BIN", tmp_path / "nothing")

    monkeypatch.delenv("DIARIZE_RUNNER_REQUIRE_SWIFT", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"run scripts/install-swift.sh$"):
        require_swift()
    monkeypatch.setenv("DIARIZE_RUNNER_REQUIRE_SWIFT", "1")
    with pytest.raises(pytest.fail.Exception, match=r"run scripts/install-swift.sh$"):
        require_swift()


class TestVersions:
    def test_are_listed_over_several_pages(self, store, source):
        wanted = {f"1.{minor}" for minor in range(2 * PAGE + 1)}
        for version in wanted:
            store.create(f"v{version}/{MANIFEST_NAME}", source(b"{}"))

        assert set(published_versions(store)) == wanted

    def test_exclude_other_objects_of_the_bucket(self, bucket, source):
        store = S3Store.at(f"s3://{bucket}", QUICK)
        others = ["v1.0", "videos/holiday/" + MANIFEST_NAME, "vX/" + MANIFEST_NAME, "models/v2.0/" + MANIFEST_NAME]
        for key in (*others, "v3.0/" + MANIFEST_NAME):
            store.create(key, source(b"{}"))

        assert store.url == f"s3://{bucket}"
        assert list(published_versions(store)) == ["3.0"]
