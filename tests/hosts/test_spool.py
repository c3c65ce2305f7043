"""The role spool: its units, its user and its folders.

stub_spool.py replaces the labeller; stub_decoder.py runs the real decoder.
"""

from pathlib import Path

import pytest
from support.hosts import DEBIAN_12, DEBIAN_13, apply_role, fresh_host, fresh_hosts, require_hosts
from support.hosts.trees import changes
from support.web import files, serving

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).resolve().parents[2]
SPOOL = "/var/lib/diarize-runner"
COMMAND = "/opt/diarize-runner/current/bin/diarize-runner"
UNIT = "diarize-runner-spool"
TRANSCRIBE = "--transcribe --language auto --model small"
VOICES = "/etc/diarize-runner/spool-voices.json"
ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow")
CONNECT = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 2)'"
MODULES = [
    *ROOT.glob("diarize_runner/*.py"),
    *ROOT.glob("diarize_runner/spool/*.py"),
    *(ROOT / "diarize_runner/transcript" / name for name in ("__init__.py", "names.py")),
    ROOT / "diarize_runner/diarization/__init__.py",
    *(
        ROOT / f"diarize_runner/diarization/{name}.py"
        for name in ("audio", "channels", "decoders", "decoding", "levels", "packets", "samples", "turns", "wholeness")
    ),
]
DECODER = f"{Path(COMMAND).parent}/decoder.py"


def apply(host, *arguments, **variables):
    return host.apply("spool", *arguments, **{"spool_settle_seconds": 1, "spool_idle_seconds": 0, **variables})


def put_stub(host):
    for path in MODULES:
        host.put(f"{Path(COMMAND).parent}/{path.relative_to(ROOT)}", path.read_bytes())
    host.put(COMMAND, Path(__file__).with_name("stub_spool.py").read_bytes(), mode="0755")
    host.put(DECODER, Path(__file__).with_name("stub_decoder.py").read_bytes())


def drop(host, name, content):
    """Write a file to the inbox under its final name, as users do."""
    host.put(f"{SPOOL}/inbox/{name}", content.encode())


def outcome(host, stem):
    """Wait for the outcome of a recording; return its label or its error."""
    labelled, error = f"{SPOOL}/outbox/{stem}/{stem}.labelled.json", f"{SPOOL}/failed/{stem}/{stem}.error.txt"
    return host.wait_for(f"cat {labelled} 2>/dev/null || cat {error}")


@pytest.fixture(scope="module")
def spool():
    """A host with the role applied; each test uses its own file names."""
    require_hosts()
    with fresh_host() as host:
        put_stub(host)
        apply(host).succeeded()
        yield host


def test_the_role_is_predicted_applied_once_and_removed():
    with fresh_hosts(DEBIAN_12, DEBIAN_13) as hosts:
        settings = {"spool_speakers_per_channel": 1, "spool_transcribe": "true", "spool_transcription_model": "small"}
        settings |= {"spool_idle_seconds": 0, "spool_voices_file": VOICES, "spool_voice_threshold": 0.7}
        devices = dict(zip(hosts, [{"spool_device": "cpu", "spool_transcribe": "false"}, settings], strict=True))

        def changed(*arguments, **variables):
            plays = apply_role(devices, "spool", *arguments, spool_settle_seconds=1, **variables)
            return [play.succeeded().changed for play in plays.values()]

        for host in hosts:
            put_stub(host)
            host.put(VOICES, b"voices", mode="0644")
        before = [host.files() for host in hosts]
        assert min(changed("--check")) > 0
        assert [changes(was, host.files()) for was, host in zip(before, hosts, strict=True)] == [[], []]
        changed()
        assert changed() == [0, 0]
        assert [options(host) for host in hosts] == [
            "--device cpu --settle 1",
            f"--device auto --settle 1 --speakers-per-channel 1 {TRANSCRIBE} --voices {VOICES} --voice-threshold 0.7",
        ]
        assert [host.succeed(f"stat --format='%a %U %G' {VOICES}").split() for host in hosts] == [
            ["644", "root", "root"],
            ["600", "diarize-runner", "diarize-runner"],
        ]
        for host in hosts:
            assert_valid_units(host)
            assert_decodes(host, "kept")
        changed(applied_tasks="reset")
        for host in hosts:
            host.succeed(f"ls {SPOOL}/outbox/kept/kept.labelled.json && rm -r {SPOOL}/outbox/kept")
        assert changed(applied_tasks="reset") == [1, 1]
        for host, was in zip(hosts, before, strict=True):
            kept = {*ACCOUNTS, VOICES}  # which belongs to the user of the spool, who is kept, too
            assert [path for path in changes(was, host.files()) if path.rstrip("-") not in kept] == []
            assert host.packets.leak == 0


def options(host):
    """Return the options of the spool from --device on."""
    (line,) = host.succeed(f"grep ^ExecStart= /etc/systemd/system/{UNIT}.service").splitlines()
    return line[line.index("--device") :]


def assert_valid_units(host):
    """Check the units with systemd-analyze: no unknown setting, and a low exposure."""
    units = " ".join(f"/etc/systemd/system/{UNIT}.{kind}" for kind in ("path", "service"))
    assert host.succeed(f"systemd-analyze verify {units} 2>&1") == ""
    exposure = host.run(f"systemd-analyze security --threshold=15 --no-pager {UNIT}.service")
    assert exposure.returncode == 0, exposure.stdout


def assert_decodes(host, stem):
    """Check that the sandbox lets the service decode a recording."""
    drop(host, f"{stem}.wav", f"python3 {DECODER} $0")
    assert outcome(host, stem) == f"python3 {DECODER} $0\nuntil signal 9\n"


def test_a_member_of_the_group_adds_a_recording_and_removes_its_result(spool):
    spool.succeed("useradd --create-home --groups diarize-runner alice && useradd --create-home bob")
    spool.put("/home/alice/hers.wav", b"echo hello")
    spool.succeed("chown alice:alice /home/alice/hers.wav && chmod 640 /home/alice/hers.wav")
    alice = f"runuser -u alice -- {{}} {SPOOL}/{{}}"
    spool.succeed(alice.format("cp /home/alice/hers.wav", "inbox/"))
    assert outcome(spool, "hers") == "hello\n"
    assert spool.succeed(alice.format("cat", "outbox/hers/hers.labelled.json")) == "hello\n"
    spool.succeed(alice.format("rm -r", "outbox/hers"))
    for refused in (f"ls {SPOOL}/outbox", f"touch {SPOOL}/inbox/his.wav"):
        assert "Permission denied" in spool.run(f"runuser -u bob -- {refused}").stderr


def test_a_slow_copy_is_not_truncated(spool):
    spool.succeed(f"for n in 1 2 3 4 5; do echo echo $n; sleep 0.5; done > {SPOOL}/inbox/slow.wav")
    assert outcome(spool, "slow") == "1\n2\n3\n4\n5\n"


def test_a_labeller_has_no_network_and_cannot_create_an_internet_socket(spool, tmp_path):
    connect = CONNECT.format(*spool.store_address)
    with serving(files(tmp_path), address=spool.store_address):
        assert spool.run(f"runuser -u diarize-runner -- {connect}").returncode == 0, "the negative control"
        drop(spool, "socket.wav", connect)
        assert "Address family not supported" in outcome(spool, "socket")
    assert "eth0" in spool.succeed("cat /proc/net/dev"), "the negative control"
    drop(spool, "interfaces.wav", "cut -d: -f1 -s /proc/net/dev")
    assert outcome(spool, "interfaces").split() == ["lo"]
    assert spool.packets.leak == 0


def test_a_labeller_can_read_the_models_but_not_change_them(spool):
    spool.put(f"{SPOOL}/cache/model", b"weights")
    spool.succeed(f"chmod 666 {SPOOL}/cache/model")
    drop(spool, "reads.wav", f"cat {SPOOL}/cache/model")
    drop(spool, "writes.wav", f"echo worse > {SPOOL}/cache/model")
    assert outcome(spool, "reads") == "weights"
    assert "Read-only file system" in outcome(spool, "writes")


def test_a_labeller_can_read_the_voices_but_not_change_them_and_nobody_else_can_read_them(spool):
    spool.put(VOICES, b"voices", mode="0644")
    apply(spool, spool_voices_file=VOICES).succeeded()
    assert apply(spool, spool_voices_file=VOICES).succeeded().changed == 0
    drop(spool, "hears.wav", f"cat {VOICES}")
    drop(spool, "alters.wav", f"echo other > {VOICES}")
    assert outcome(spool, "hears") == "voices"
    assert "Read-only file system" in outcome(spool, "alters")
    assert "Permission denied" in spool.run(f"runuser -u nobody -- cat {VOICES}").stderr


def test_a_labeller_can_take_the_lock_of_the_gpu_that_other_users_see(spool):
    drop(spool, "lock.wav", "touch /run/lock/gpu-of-this-test && echo taken")
    assert outcome(spool, "lock") == "taken\n"
    assert spool.succeed("stat --format=%U /run/lock/gpu-of-this-test") == "diarize-runner\n"


@pytest.mark.parametrize(
    ("stem", "attempt", "refusal"),
    [
        ("toolkit", f"echo worse > {COMMAND}", "Read-only file system"),
        ("homes", "ls /home", "Permission denied"),
        ("namespace", "unshare --user true", "Operation not permitted"),
        ("capability", "chown root ~", "Operation not permitted"),
    ],
)
def test_the_sandbox_refuses_a_labeller(spool, stem, attempt, refusal):
    drop(spool, f"{stem}.wav", attempt)
    assert refusal in outcome(spool, stem)


@pytest.mark.parametrize("end", ["reboot", "power-cut"])
def test_a_recording_that_the_end_of_a_boot_interrupts_is_resumed(spool, end):
    drop(spool, f"{end}.json", "the transcript")
    drop(spool, f"{end}.wav", f"[ -e ~/{end} ] && echo again || {{ touch ~/{end}; sleep 1000; }}")
    spool.wait_for(f"test -e /var/cache/{UNIT}/{end}")
    drop(spool, f"after-{end}.wav", "echo next")
    if end == "reboot":
        before = spool.boot_id()
        spool.run("systemctl reboot")
        spool.wait_until_up(after=before)
    else:
        spool.cut_power()
    assert outcome(spool, end) == "again\n"
    assert outcome(spool, f"after-{end}") == "next\n"
    assert spool.succeed(f"cat {SPOOL}/outbox/{end}/{end}.json") == "the transcript"
    assert spool.succeed(f"ls --almost-all {SPOOL}/inbox {SPOOL}/claimed").split() == [
        f"{SPOOL}/claimed:",
        f"{SPOOL}/inbox:",
    ]


def test_a_box_without_the_command_loses_no_recording_and_resumes_when_it_is_back(spool):
    spool.succeed(f"mv {COMMAND} {COMMAND}.away")
    drop(spool, "late.wav", "echo at last")
    spool.wait_for(f"systemctl show --property=Result {UNIT} | grep exit-code")
    assert spool.succeed(f"systemctl is-active {UNIT}.path") == "active\n"
    spool.succeed(f"mv {COMMAND}.away {COMMAND} && systemctl restart {UNIT}")  # without the restart, systemd waits 30 s
    assert outcome(spool, "late") == "at last\n"


def test_systemd_knows_the_limits_of_the_service(spool):
    """Not every test host can enforce them: some kernels give a container no memory controller."""
    limits = spool.succeed(f"systemctl show --property=MemoryMax,TasksMax {UNIT}").split()
    total = int(spool.succeed("awk '/MemTotal/ {print $2}' /proc/meminfo")) * 1024
    assert limits[1] == "TasksMax=1024"
    assert 0.7 * total < int(limits[0].removeprefix("MemoryMax=")) < 0.9 * total


@pytest.mark.parametrize("limit", ["much", "0", "120%", "-1"])
def test_an_invalid_limit_is_refused(unchanged, limit):
    assert f"spool_memory_max must be a percentage or bytes, such as 80% or 12G (it is '{limit}')" in " ".join(
        apply(unchanged, spool_memory_max=limit).failure.split()
    )


@pytest.mark.parametrize("character", [" ", "%", "'"])
def test_a_folder_that_systemd_would_misread_is_refused(unchanged, character):
    play = apply(unchanged, spool_folder=f"/srv/my{character}calls")
    assert "must be absolute paths without spaces, quotes, % or $" in " ".join(play.failure.split())


@pytest.mark.parametrize("speakers", ["two", "0", "1 --device cuda"])
def test_an_invalid_number_of_speakers_is_refused(unchanged, speakers):
    assert f"spool_speakers_per_channel must be a number, auto or empty (it is '{speakers}')" in " ".join(
        apply(unchanged, spool_speakers_per_channel=speakers).failure.split()
    )


@pytest.mark.parametrize("threshold", ["0", "0.0", "1.1", "high", "0.6 --device cuda"])
def test_an_invalid_threshold_is_refused(unchanged, threshold):
    assert f"spool_voice_threshold must be a number above 0, at most 1, or empty (it is '{threshold}')" in " ".join(
        apply(unchanged, spool_voice_threshold=threshold).failure.split()
    )


@pytest.mark.parametrize("path", [f"{SPOOL}/voices.json", "/home/ada/voices.json", "/tmp/voices.json", "voices.json"])
def test_a_file_of_voices_that_the_service_cannot_read_or_could_write_is_refused(unchanged, path):
    failure = " ".join(apply(unchanged, spool_voices_file=path).failure.split())
    assert f"the service cannot read {path}, or could write it" in failure


def test_a_file_of_voices_that_does_not_exist_is_refused_with_the_command_that_makes_it(unchanged):
    failure = apply(unchanged, spool_voices_file="/etc/none.json").failure
    assert "error: /etc/none.json does not exist on the box" in failure
    assert "voices enroll NAME AUDIO --voices /etc/none.json" in failure


def test_an_invalid_device_is_refused(unchanged):
    assert "spool_device must be auto, cuda or cpu (it is 'gpu')" in " ".join(
        apply(unchanged, spool_device="gpu").failure.split()
    )
