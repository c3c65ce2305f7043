"""What is particular about writing into a bucket: parts, answers that are lost, and servers without conditions."""

from dataclasses import replace

import pytest
from support.buckets import QUICK, refusal
from support.caches import noise
from support.swift import PAGE, require_swift
from support.web import changed, lost, reset, says, says_what

from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.digests import content_of_file
from diarize_runner.errors import DiskError, ObjectExists, StoreError, SwapLost
from diarize_runner.store.s3.store import S3Store, UnconditionalS3Store
from diarize_runner.store.s3.upload import PART

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine")

KEY = "v1.0/object"


def completes(request):
    return request.method == "POST" and "uploadId=" in request.path


def puts(request):
    return request.method == "PUT"


def copies(request):
    return "x-amz-copy-source" in request.headers


class TestAnUploadInParts:
    def test_is_one_object(self, store, source, swift_cloud, bucket):
        path = source(noise(PART + 7))
        store.create(KEY, path)
        store.copy(KEY, "latest/object")

        assert store.digest(KEY) == store.digest("latest/object") == content_of_file(path).digest
        assert swift_cloud.unfinished(bucket) == []
        with pytest.raises(ObjectExists):
            store.create(KEY, path)

    def test_leaves_nothing_when_it_is_cut_in_the_middle(self, shaky, front, source, swift_cloud, bucket):
        before = swift_cloud.keys(bucket)
        front.fails(reset, times=99, when=lambda request: "partNumber=2" in request.path)

        with pytest.raises(StoreError, match="the server broke off or does not answer"):
            shaky.create("v1.0/large", source(noise(2 * PART + 7)))

        assert swift_cloud.keys(bucket) == before
        assert swift_cloud.unfinished(bucket) == []

    def test_leaves_nothing_when_its_source_goes_away(self, shaky, front, source, swift_cloud, bucket):
        path = source(noise(PART + 7))

        def take_away(handler, request, origin):
            path.unlink()
            handler.send(origin(request))

        front.fails(take_away, when=lambda request: request.path.endswith("?uploads"))

        with pytest.raises(DiskError, match="No such file"):
            shaky.create("v1.0/large", path)
        assert swift_cloud.unfinished(bucket) == []

    def test_says_what_went_wrong_and_not_that_it_could_not_be_cleared_away(self, shaky, front, source):
        front.fails(says(403), when=lambda request: "partNumber=1" in request.path)
        front.fails(says(500), times=99, when=lambda request: request.method == "DELETE")

        with pytest.raises(StoreError, match=r"access was denied, or it is not there: .* \(403\)$"):
            shaky.create("v1.0/large", source(noise(PART + 7)))

    @pytest.mark.parametrize(("setting", "parts_with_checksum"), [("when_supported", 2), ("when_required", 0)])
    def test_names_its_checksum_from_beginning_to_end_or_not_at_all(
        self, setting, parts_with_checksum, moto_cloud, moto_front, source, monkeypatch
    ):
        """AWS refuses a part whose checksum was not announced, and an upload that does not repeat one that was."""
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", setting)

        S3Store.at(f"s3://{moto_cloud.new_bucket()}", QUICK).create(KEY, source(noise(PART + 7)))

        (begin,) = [request for request in moto_front.requests if request.path.endswith("?uploads")]
        sent = [request for request in moto_front.requests if "partNumber=" in request.path]
        (end,) = [request for request in moto_front.requests if completes(request)]
        assert (begin.headers.get("x-amz-checksum-algorithm") == "CRC32") == bool(parts_with_checksum)
        assert len([part for part in sent if "x-amz-checksum-crc32" in part.headers]) == parts_with_checksum
        assert end.body.count(b"<ChecksumCRC32>") == parts_with_checksum

    def test_whose_last_answer_was_lost_is_there(self, shaky, front, source):
        front.fails(lost, when=completes)
        path = source(noise(PART + 7))

        shaky.create("v1.0/large", path)

        assert shaky.digest("v1.0/large") == content_of_file(path).digest

    def test_that_is_gone_when_it_is_to_be_finished_is_looked_for(self, shaky, front, source):
        front.fails(changed(lambda _: refusal(404, "NoSuchUpload")), when=completes)
        path = source(noise(PART + 7))

        with pytest.raises(ObjectExists):
            shaky.create("v1.0/large", path)

        assert shaky.digest("v1.0/large") == content_of_file(path).digest

    def test_that_somebody_else_overtook_on_moto_is_taken_back(self, moto_store, moto_front, moto_cloud, source):
        def overtake(handler, request, origin):
            S3Store.at(moto_store.url, QUICK).create("v1.0/large", source(b"first", "first"))
            handler.send(origin(request))

        moto_front.fails(overtake, when=lambda request: request.path.endswith("?uploads"))

        with pytest.raises(ObjectExists):
            moto_store.create("v1.0/large", source(noise(PART + 7)))

        assert moto_store.read("v1.0/large").data == b"first"
        assert moto_cloud.unfinished(moto_store.url.split("/")[2]) == []


class TestACopy:
    """What boto3 does not try again by itself."""

    @pytest.fixture(params=[b"small", noise(9 << 20)], ids=["in one", "in parts"])
    def data(self, request):
        return request.param

    @pytest.mark.parametrize("fault", [lost, reset, says(503)], ids=["answer lost", "not answered", "in trouble"])
    def test_gets_over_a_bad_line(self, fault, data, shaky, front, source):
        shaky.create(KEY, source(data))
        front.fails(fault, when=lambda request: copies(request) or completes(request))

        shaky.copy(KEY, "latest/object")

        assert shaky.read("latest/object").data == data

    def test_that_met_another_is_tried_again(self, data, shaky, front, source):
        shaky.create(KEY, source(data))
        front.fails(says_what(refusal(409, "OperationAborted")), when=copies)

        shaky.copy(KEY, "latest/object")

        assert shaky.read("latest/object").data == data

    def test_that_always_meets_another_is_given_up_and_leaves_what_was(
        self, data, shaky, front, source, swift_cloud, bucket
    ):
        shaky.create(KEY, source(data))
        shaky.create("latest/object", source(b"old", "old"))
        before = swift_cloud.keys(bucket)
        front.fails(says_what(refusal(409, "OperationAborted")), times=99, when=copies)

        with pytest.raises(StoreError, match=rf"/{KEY}: others wrote at the same time \(OperationAborted\)$"):
            shaky.copy(KEY, "latest/object")

        assert shaky.read("latest/object").data == b"old"
        assert swift_cloud.keys(bucket) == before
        assert swift_cloud.unfinished(bucket) == []

    def test_in_parts_of_what_changed_meanwhile_is_made_of_what_is_there_now(self, shaky, front, source):
        data = noise(9 << 20)
        shaky.create(KEY, source(data))
        front.fails(says_what(refusal(412, "PreconditionFailed")), when=copies)

        shaky.copy(KEY, "latest/object")

        assert shaky.read("latest/object").data == data

    def test_that_is_gone_when_it_is_to_be_finished_is_made_again(self, shaky, front, source):
        data = noise(9 << 20)
        shaky.create(KEY, source(data))
        front.fails(says_what(refusal(404, "NoSuchUpload")), when=completes)

        shaky.copy(KEY, "latest/object")

        assert shaky.read("latest/object").data == data


class TestASwap:
    """On moto, as Swift has no If-Match."""

    def test_whose_answer_was_lost_is_no_loss(self, moto_store, moto_front):
        moto_store.swap("latest/object", b"first", expected=None)
        moto_front.fails(lost, when=puts)

        moto_store.swap("latest/object", b"second", expected=moto_store.read("latest/object"))

        assert moto_store.read("latest/object").data == b"second"

    def test_whose_first_answer_was_lost_is_no_loss(self, moto_store, moto_front):
        moto_front.fails(lost, when=puts)

        moto_store.swap("latest/object", b"first", expected=None)

        assert moto_store.read("latest/object").data == b"first"

    def test_that_met_another_is_tried_again(self, moto_store, moto_front):
        moto_front.fails(says_what(refusal(409, "ConditionalRequestConflict")), when=puts)

        moto_store.swap("latest/object", b"first", expected=None)

        assert moto_store.read("latest/object").data == b"first"

    def test_that_always_meets_another_is_given_up(self, moto_store, moto_front):
        moto_front.fails(says_what(refusal(409, "ConditionalRequestConflict")), times=99, when=puts)

        with pytest.raises(StoreError, match="others wrote at the same time") as error:
            moto_store.swap("latest/object", b"first", expected=None)

        assert error.value.hint == "run again"
        assert len([request for request in moto_front.requests if puts(request)]) == QUICK.tries


def test_a_server_that_ignores_conditions_is_kept_from_overwriting(moto_store, moto_front, source):
    relayed = moto_front.origin

    def ignorant(request):
        kept = {name: value for name, value in request.headers.items() if name != "If-None-Match"}
        return relayed(replace(request, headers=kept))

    moto_front.origin = ignorant
    moto_store.create(KEY, source(b"first"))

    with pytest.raises(ObjectExists):
        moto_store.create(KEY, source(b"second"))
    assert moto_store.read(KEY).data == b"first"


class TestAServerWithoutConditionalWrites:
    """Swift: it has If-None-Match, and no If-Match."""

    @pytest.fixture
    def unconditional(self, bucket):
        return UnconditionalS3Store.at(f"s3://{bucket}/models", QUICK)

    def test_is_named_and_so_is_what_helps(self, store):
        store.swap("latest/object", b"first", expected=None)

        with pytest.raises(StoreError) as error:
            store.swap("latest/object", b"second", expected=store.read("latest/object"))

        assert error.value.message == f"{store.url}/latest/object: the server does not do conditional writes"
        assert (
            error.value.hint == "publish --without-conditional-writes, and see to it that only one publishes at a time"
        )
        assert store.read("latest/object").data == b"first"

    def test_is_looked_at_before_a_name_is_taken(self, unconditional, source):
        unconditional.create(KEY, source(b"first"))

        with pytest.raises(ObjectExists, match=f"^{unconditional.url} already has {KEY}$"):
            unconditional.create(KEY, source(b"second"))
        assert unconditional.read(KEY).data == b"first"

    def test_is_looked_at_before_an_object_is_swapped(self, unconditional):
        unconditional.swap("latest/object", b"first", expected=None)
        stale = unconditional.read("latest/object")
        unconditional.swap("latest/object", b"second", expected=stale)

        for expected in (None, stale):
            with pytest.raises(SwapLost, match=r"^latest/object in s3://.* was changed by somebody else$"):
                unconditional.swap("latest/object", b"third", expected=expected)
        assert unconditional.read("latest/object").data == b"second"

    def test_gets_no_conditions(self, front, bucket, source):
        unconditional = UnconditionalS3Store.at(f"s3://{bucket}/models", QUICK)
        unconditional.create(KEY, source(noise(PART + 7)))
        unconditional.swap("latest/object", b"first", expected=None)
        unconditional.swap("latest/object", b"second", expected=unconditional.read("latest/object"))

        assert {name for request in front.requests for name in request.headers if name.startswith("If-")} == set()


def test_without_swift_its_tests_are_skipped_except_where_it_has_to_be_there(monkeypatch, tmp_path):
    monkeypatch.setattr("support.swift.BIN", tmp_path / "nothing")

    monkeypatch.delenv("DIARIZE_RUNNER_REQUIRE_SWIFT", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"run scripts/install-swift.sh$"):
        require_swift()
    monkeypatch.setenv("DIARIZE_RUNNER_REQUIRE_SWIFT", "1")
    with pytest.raises(pytest.fail.Exception, match=r"run scripts/install-swift.sh$"):
        require_swift()


class TestVersions:
    def test_are_listed_to_the_last_page(self, store, source):
        wanted = {f"1.{minor}" for minor in range(2 * PAGE + 1)}
        for version in wanted:
            store.create(f"v{version}/{MANIFEST_NAME}", source(b"{}"))

        assert set(published_versions(store)) == wanted

    def test_are_told_from_whatever_else_lies_in_the_bucket(self, bucket, source):
        store = S3Store.at(f"s3://{bucket}", QUICK)
        others = ["v1.0", "videos/holiday/" + MANIFEST_NAME, "vX/" + MANIFEST_NAME, "models/v2.0/" + MANIFEST_NAME]
        for key in (*others, "v3.0/" + MANIFEST_NAME):
            store.create(key, source(b"{}"))

        assert store.url == f"s3://{bucket}"
        assert list(published_versions(store)) == ["3.0"]
