"""Webhooks: which hosts and addresses get requests, what a request holds, and when it is sent again."""

import json
import logging
import os
import socket
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from support.certificates import write_certificate
from support.queues import CRASH, FakeClock, claim, new_job, open_queue
from support.receivers import HOST, PUBLIC, SECRET, URL, WEBHOOKS, answer, drip, endless, receiver
from support.service_process import until
from support.services import running_service, wait_for, wav

from diarize_runner.errors import ManifestError, UsageError
from diarize_runner.service.queue.deliveries import Deliveries, DeliveryClaim
from diarize_runner.service.queue.job import Job
from diarize_runner.service.queue.table import DELIVERIES
from diarize_runner.service.webhooks.addresses import checked_addresses
from diarize_runner.service.webhooks.allowed import AllowedHost, Webhooks
from diarize_runner.service.webhooks.courier import Courier
from diarize_runner.service.webhooks.sender import DeliveryFailed, ReceiverGone
from diarize_runner.service.webhooks.target import Target
from diarize_runner.service.work import Work

JOB = Job(
    id="job",
    owner="kai",
    work=Work(name="secret name.wav").encode(),
    model="diarization",
    audio_seconds=2.0,
    state="succeeded",
    created_at=1.0,
    finished_at=1_700_000_000.5,
)
DELIVERY = DeliveryClaim(id="msg_1", url=URL, attempts=1, lease="lease", job=JOB)


def write(path, document, mode=0o600):
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    path.chmod(mode)
    return path


class TestFile:
    def test_it_holds_the_secret_and_the_hosts(self, tmp_path):
        hosts = [{"host": HOST}, {"host": "hooks.corp.example", "port": 8443, "private": True}]
        loaded = Webhooks.load(write(tmp_path / "webhooks.json", {"secret": SECRET, "hosts": hosts}))
        assert loaded.secret == SECRET
        assert loaded.find(HOST, 443) == AllowedHost(name=HOST)
        assert loaded.find("hooks.corp.example", 8443).is_private
        assert [loaded.find("hooks.corp.example", 443), loaded.find("example.com", 443)] == [None, None]
        assert SECRET not in repr(loaded)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root has a file of root")
    def test_one_of_root_may_be_readable_by_a_group_as_a_mounted_secret_is(self, tmp_path, monkeypatch):
        path = write(tmp_path / "webhooks.json", {"secret": SECRET, "hosts": []}, 0o440)
        monkeypatch.setattr(os, "geteuid", lambda: 1001)
        assert Webhooks.load(path).secret == SECRET
        path.chmod(0o444)
        with pytest.raises(UsageError, match="which holds a secret"):
            Webhooks.load(path)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
    def test_one_that_others_can_read_or_change_is_refused(self, tmp_path, mode):
        with pytest.raises(UsageError, match="which holds a secret") as refused:
            Webhooks.load(write(tmp_path / "webhooks.json", {"secret": SECRET, "hosts": []}, mode))
        assert "chmod 600" in refused.value.hint

    @pytest.mark.parametrize("secret", [SECRET.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_%%%%", "whsec_"])
    def test_a_bad_secret_is_refused_and_not_shown(self, tmp_path, secret):
        with pytest.raises(ManifestError, match="24 to 64 random bytes") as refused:
            Webhooks.load(write(tmp_path / "webhooks.json", {"secret": secret, "hosts": []}))
        assert secret.removeprefix("whsec_")[:8] not in refused.value.message or secret == "whsec_"

    @pytest.mark.parametrize(
        "host",
        [
            {"host": "https://a.example"},
            {"host": "A.example"},
            {"host": "a.example:443"},
            {"host": "*.example"},
            {"host": "a.example", "port": 0},
            {"host": "a.example", "port": 65536},
            {"host": "a.example", "private": "yes"},
            {"host": "a.example", "other": 1},
            {},
        ],
    )
    def test_a_bad_host_is_refused(self, tmp_path, host):
        with pytest.raises(ManifestError):
            Webhooks.load(write(tmp_path / "webhooks.json", {"secret": SECRET, "hosts": [host]}))

    def test_a_missing_one_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="cannot read the webhooks"):
            Webhooks.load(tmp_path / "webhooks.json")


class TestTarget:
    def test_an_allowed_host_is_found_whatever_its_case(self):
        target = Target.parse("https://HOOKS.example.com:443/a/b?c=d#e", WEBHOOKS)
        assert (target.host.name, target.path) == (HOST, "/a/b?c=d")
        assert Target.parse(f"https://{HOST}", WEBHOOKS).path == "/"

    @pytest.mark.parametrize(
        "url",
        [
            f"http://{HOST}/",
            f"ftp://{HOST}/",
            f"//{HOST}/",
            HOST,
            "",
            "https://",
            "https:///path",
            f"https://{HOST}:8443/",
            f"https://{HOST}:0/",
            f"https://{HOST}:port/",
            f"https://{HOST}.evil.example/",
            f"https://{HOST}./",
            f"https://user@{HOST}/",
            f"https://user:password@{HOST}/",
            f"https://@{HOST}/",
            f"https://{HOST}@evil.example/",
            f"https://evil.example#@{HOST}/",
            f"https://evil.example\\@{HOST}/",
            f"https://evil.example/?@{HOST}/",
            f"https://{HOST}/a b",
            f"https://{HOST}/\r\nX-Header: value",
            f"https://{HOST}/\x00",
            f"https://{HOST}/\u00e4",
            "https://h\u1d52oks.example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::1",
            f"https://{HOST}/{'a' * 2000}",
        ],
    )
    def test_any_other_url_is_refused(self, url):
        with pytest.raises(UsageError) as refused:
            Target.parse(url, WEBHOOKS)
        assert refused.value.hint


class TestAddresses:
    REFUSED = (
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "169.254.169.254",
        "169.254.1.1",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:93.184.216.34",
        "::ffff:127.0.0.1",
        "::93.184.216.34",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "not an address",
    )
    PRIVATE = ("10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1")
    PUBLIC = (PUBLIC, "8.8.8.8", "2606:4700::1111")

    @pytest.mark.parametrize("address", REFUSED)
    @pytest.mark.parametrize("is_private", [False, True])
    def test_those_of_the_machine_and_the_cloud_get_no_requests(self, address, is_private):
        with pytest.raises(UsageError, match="may get no requests"):
            checked_addresses(HOST, 443, lambda *_: [address], is_private=is_private)

    @pytest.mark.parametrize("address", PRIVATE)
    def test_those_of_the_company_get_requests_if_the_file_says_so(self, address):
        assert checked_addresses(HOST, 443, lambda *_: [address], is_private=True) == (address,)
        with pytest.raises(UsageError, match="may get no requests"):
            checked_addresses(HOST, 443, lambda *_: [address], is_private=False)

    @pytest.mark.parametrize("address", PUBLIC)
    def test_those_of_the_internet_get_requests(self, address):
        assert checked_addresses(HOST, 443, lambda *_: [address], is_private=False) == (address,)

    def test_one_bad_address_among_good_ones_is_refused(self):
        with pytest.raises(UsageError, match="address 127"):
            checked_addresses(HOST, 443, lambda *_: [PUBLIC, "127.0.0.1"], is_private=False)

    def test_a_host_without_an_address_cannot_be_reached(self):
        with pytest.raises(OSError, match="has no address"):
            checked_addresses(HOST, 443, lambda *_: [], is_private=False)


@pytest.fixture
def hooks(tmp_path):
    with receiver(tmp_path) as started:
        yield started


class TestSender:
    def test_the_receiver_can_verify_a_request_that_tells_id_state_and_task(self, hooks):
        hooks.sender().send(DELIVERY)
        ((path, headers, body),) = hooks.requests
        assert path == "/jobs?team=7"
        assert (headers["webhook-id"], headers["Content-Type"], headers["Host"]) == ("msg_1", "application/json", HOST)
        assert Webhook(SECRET).verify(body, headers) == {
            "type": "job.succeeded",
            "timestamp": "2023-11-14T22:13:20.500000Z",
            "data": {"id": "job", "state": "succeeded", "task": "diarize"},
        }
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body.replace(b"succeeded", b"cancelled"), headers)

    def test_a_repeated_request_has_the_same_id_and_body_and_a_new_time(self, hooks):
        moments = iter([1_700_000_000.9, 1_700_000_060.9])
        sender = hooks.sender(clock=lambda: next(moments))
        sender.send(DELIVERY)
        sender.send(DELIVERY)
        (_, first, body), (_, second, repeated) = hooks.requests
        assert (first["webhook-id"], body) == (second["webhook-id"], repeated)
        assert [each["webhook-timestamp"] for each in (first, second)] == ["1700000000", "1700000060"]
        assert first["webhook-signature"] != second["webhook-signature"]

    def test_it_connects_to_the_address_that_was_checked_whatever_the_resolver_says_later(self, hooks):
        answers = iter([[PUBLIC], ["127.0.0.1"]])
        sender = hooks.sender(resolver=lambda *_: next(answers))
        sender.send(DELIVERY)
        assert hooks.dialled == [(PUBLIC, 443)]
        with pytest.raises(DeliveryFailed, match="may get no requests"):
            sender.send(DELIVERY)
        assert len(hooks.dialled) == 1

    def test_an_address_of_the_company_gets_requests_only_for_a_host_that_is_marked_private(self, hooks):
        marked = replace(WEBHOOKS, hosts=(AllowedHost(name=HOST, is_private=True),))
        with pytest.raises(DeliveryFailed, match=r"10\.1\.2\.3, which may get no requests"):
            hooks.sender(resolver=lambda *_: ["10.1.2.3"]).send(DELIVERY)
        assert hooks.dialled == []
        hooks.sender(resolver=lambda *_: ["10.1.2.3"], webhooks=marked).send(DELIVERY)
        assert hooks.dialled == [("10.1.2.3", 443)]

    def test_it_tries_each_checked_address(self, hooks):
        sender = hooks.sender(resolver=lambda *_: ["8.8.8.8", PUBLIC])
        reached = sender.dial

        def dial(address, port):
            if address == "8.8.8.8":
                raise ConnectionRefusedError
            return reached(address, port)

        replace(sender, dial=dial).send(DELIVERY)
        assert hooks.dialled == [(PUBLIC, 443)]

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_it_follows_no_redirect(self, hooks, status):
        hooks.behave = answer(status, Location=URL)
        with pytest.raises(DeliveryFailed, match=f"answers with status {status}"):
            hooks.sender().send(DELIVERY)
        assert len(hooks.requests) == 1

    @pytest.mark.parametrize(("status", "kind"), [(400, DeliveryFailed), (500, DeliveryFailed), (410, ReceiverGone)])
    def test_a_status_that_is_no_success_is_a_failure(self, hooks, status, kind):
        hooks.behave = answer(status)
        with pytest.raises(DeliveryFailed) as failed:
            hooks.sender().send(DELIVERY)
        assert type(failed.value) is kind

    def test_an_answer_that_comes_byte_by_byte_is_cut_off(self, hooks):
        hooks.behave = drip
        with pytest.raises(DeliveryFailed, match="no answer within"):
            hooks.sender(seconds=0.5).send(DELIVERY)

    def test_a_handshake_that_does_not_end_is_cut_off(self, hooks):
        sender = hooks.sender(seconds=0.5)
        ours, theirs = socket.socketpair()
        with theirs, pytest.raises(DeliveryFailed):
            replace(sender, dial=lambda *_: ours).send(DELIVERY)

    def test_it_does_not_read_the_body_of_an_answer(self, hooks):
        hooks.behave = endless
        hooks.sender().send(DELIVERY)

    def test_a_certificate_of_another_host_is_refused(self, tmp_path):
        with receiver(tmp_path, names=("other.example.com",)) as hooks:
            with pytest.raises(DeliveryFailed, match="certificate"):
                hooks.sender().send(DELIVERY)
            assert hooks.requests == []

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, hooks, tmp_path):
        with pytest.raises(DeliveryFailed, match="certificate"):
            hooks.sender(cafile=write_certificate(tmp_path / "other.pem", (HOST,))).send(DELIVERY)
        assert hooks.requests == []

    def test_a_row_that_is_damaged_is_a_failure_that_stops_no_other_request(self, hooks):
        with pytest.raises(DeliveryFailed, match="the row of job job is damaged"):
            hooks.sender().send(replace(DELIVERY, job=replace(DELIVERY.job, work="{}")))
        assert hooks.dialled == []

    def test_a_host_that_is_allowed_no_more_gets_no_request(self, hooks):
        with pytest.raises(DeliveryFailed, match="not allowed"):
            hooks.sender(webhooks=Webhooks(secret=SECRET, hosts=(AllowedHost(name="b.example"),))).send(DELIVERY)
        assert hooks.dialled == []


class FakeSender:
    """Raises `errors` in turn, then succeeds."""

    def __init__(self, *errors):
        self.errors, self.sent = list(errors), []

    def send(self, delivery):
        self.sent.append((delivery.id, delivery.job.state, delivery.attempts))
        if self.errors:
            raise self.errors.pop(0)


class Bench:
    """A queue with one job that has a webhook, and couriers of two boxes."""

    def __init__(self, url, *errors):
        self.clock, self.url = FakeClock(), url
        self.queue = open_queue(url, self.clock)
        self.queue.add(new_job("job", work=Work().encode(), webhook_url=URL))
        self.sender = FakeSender(*errors)

    def deliveries(self):
        return Deliveries(engine=open_queue(self.url).engine, clock=self.clock)

    def send(self):
        """Send what is due, as a box that has just started does; return how many requests there were."""
        before, courier = len(self.sender.sent), Courier(self.deliveries(), self.sender, self.clock)
        while courier.send_next():
            pass
        return len(self.sender.sent) - before

    def succeed(self):
        self.queue.succeed(claim(self.queue), result="result", processing_seconds=1.0)


FAILED = DeliveryFailed("the receiver answers with status 500", hint="check the receiver")


class TestCourier:
    def test_a_webhook_is_due_when_its_job_has_ended_and_is_sent_once(self, database_url):
        bench = Bench(database_url)
        assert bench.send() == 0
        claimed = claim(bench.queue)
        assert bench.send() == 0
        bench.queue.succeed(claimed, result="result", processing_seconds=1.0)
        assert (bench.send(), bench.send()) == (1, 0)
        assert [state for _, state, _ in bench.sender.sent] == ["succeeded"]

    def test_failed_and_cancelled_jobs_have_webhooks_too(self, database_url):
        bench = Bench(database_url)
        bench.queue.fail(claim(bench.queue), CRASH)
        bench.queue.add(new_job("other", webhook_url=URL))
        bench.queue.cancel("other")
        bench.queue.add(new_job("without"))
        bench.queue.cancel("without")
        assert bench.send() == 2
        assert {state for _, state, _ in bench.sender.sent} == {"failed", "cancelled"}

    def test_a_failed_one_is_sent_again_after_longer_and_longer_waits_and_then_given_up(self, database_url, caplog):
        bench = Bench(database_url, *[FAILED] * 9)
        bench.succeed()
        assert bench.send() == 1
        for wait in (60, 300, 1800, 7200):
            bench.clock.now += wait - 1
            assert bench.send() == 0
            bench.clock.now += 1
            assert bench.send() == 1
        bench.clock.now += 1e6
        assert bench.send() == 0
        assert [attempts for *_, attempts in bench.sender.sent] == [1, 2, 3, 4, 5]
        assert len({each for each, *_ in bench.sender.sent}) == 1
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4 + [logging.ERROR]
        assert URL not in caplog.text

    def test_a_receiver_that_is_gone_gets_no_second_request(self, database_url):
        bench = Bench(database_url, ReceiverGone("status 410", hint="check the receiver"))
        bench.succeed()
        bench.send()
        bench.clock.now += 1e6
        assert bench.send() == 0

    def test_one_that_a_killed_box_was_sending_is_sent_by_another(self, database_url):
        bench = Bench(database_url)
        bench.succeed()
        killed = bench.deliveries().claim()
        bench.clock.now += 119
        assert bench.send() == 0
        bench.clock.now += 2
        assert bench.send() == 1
        assert bench.sender.sent == [(killed.id, "succeeded", 2)]

    def test_a_slow_box_does_not_postpone_what_another_one_sends(self, database_url):
        bench = Bench(database_url)
        bench.succeed()
        slow = bench.deliveries().claim()
        bench.clock.now += 121
        assert bench.deliveries().claim() is not None
        bench.deliveries().postpone(slow, 0.0)
        assert bench.deliveries().claim() is None

    def test_a_deleted_job_has_no_webhook(self, database_url):
        bench = Bench(database_url)
        bench.succeed()
        bench.queue.remove("job")
        assert bench.send() == 0
        with bench.queue.engine.connect() as connection:
            assert connection.execute(select(DELIVERIES)).all() == []

    def test_a_repeated_request_adds_no_second_webhook(self, database_url):
        bench = Bench(database_url)
        for job_id in ("first", "second"):
            bench.queue.add(new_job(job_id, idempotency_key="key", webhook_url=URL))
        bench.queue.cancel("first")
        assert bench.send() == 1

    def test_an_error_of_the_queue_does_not_end_the_thread(self, database_url, caplog):
        bench, stop = Bench(database_url), threading.Event()

        class Broken(FakeSender):
            def send(self, delivery):
                stop.set()

        deliveries = bench.deliveries()
        bench.succeed()
        with bench.queue.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO hidden")
        courier = Courier(deliveries, Broken(), bench.clock)
        thread = threading.Thread(target=courier.run, args=(stop,))
        thread.start()
        until(lambda: "webhooks are not sent" in caplog.text, "no error is logged")
        with bench.queue.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hidden RENAME TO deliveries")
        thread.join(30)
        assert stop.is_set()


def submit(client, **fields):
    return client.post("/v1/jobs", files={"file": ("talk.wav", wav())}, data=fields)


def test_a_job_ends_with_a_request_to_its_webhook(hooks, tmp_path):
    with running_service(tmp_path / "service", sender=hooks.sender()) as client:
        accepted = submit(client, webhook_url=URL)
        assert accepted.status_code == 202, accepted.text
        job = accepted.json()["id"]
        assert wait_for(client, job)["state"] == "succeeded"
        until(lambda: hooks.requests, "no request comes")
    ((_, headers, body),) = hooks.requests
    assert Webhook(SECRET).verify(body, headers)["data"] == {"id": job, "state": "succeeded", "task": "diarize"}


def test_a_webhook_that_is_not_allowed_is_refused_before_the_upload_is_taken(hooks, tmp_path):
    with running_service(tmp_path / "service", sender=hooks.sender()) as client:
        for url in ("https://evil.example/", f"http://{HOST}/", f"https://{HOST}:8443/", "nonsense"):
            refused = submit(client, webhook_url=url)
            assert refused.status_code in {400, 422}, refused.text
            assert refused.json()["hint"]
        assert client.get("/v1/jobs").json()["jobs"] == []


def test_a_server_without_webhooks_refuses_them(tmp_path):
    with running_service(tmp_path / "service") as client:
        refused = submit(client, webhook_url=URL)
        assert "sends no webhooks" in refused.json()["detail"]
        assert client.get("/v1/jobs").json()["jobs"] == []
