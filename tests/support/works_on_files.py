"""Work on other files: a spool, outputs, reports and an environment. See `support.work`."""

import runpy

from support.benchmarks import measurement, report
from support.labellers import label_all
from support.work import Work

from diarize_runner.cli.benchmark_reports import write_reports
from diarize_runner.disk import flush, write_new
from diarize_runner.jobs.output_file import write_output

RECORDINGS = {"call.wav": b"the sound of a call", "call.json": b"its words", "other.wav": b"another sound"}


def _recordings_dropped(folder):
    (folder / "spool/inbox").mkdir(parents=True)
    for name, data in RECORDINGS.items():
        (folder / "spool/inbox" / name).write_bytes(data)


def _label(folder):
    label_all(folder / "spool")


def _dropped_files(spool):
    found = [path for path in spool.rglob("*") if path.name in RECORDINGS]
    return sorted((path.name, path.read_bytes()) for path in found)


def _labelled(folder, done):
    spool = folder / "spool"
    assert _dropped_files(spool) == sorted(RECORDINGS.items())
    delivered = {place.name for place in spool.glob("outbox/*")}
    assert not done or delivered == {"call", "other"}
    for stem in delivered:
        assert (spool / f"outbox/{stem}/{stem}.labelled.json").read_bytes() == RECORDINGS[f"{stem}.wav"]
    _label(folder)
    assert _dropped_files(spool) == sorted(RECORDINGS.items())
    assert (spool / "outbox/call/call.labelled.srt").read_bytes() == b"its words"
    assert (spool / "outbox/other/other.labelled.json").read_bytes() == b"another sound"


def _an_output_there(folder):
    (folder / "out").mkdir(parents=True)
    (folder / "out/call.rttm").write_bytes(b"old")


def _write(folder):
    write_output(folder / "out/call.rttm", b"new")


def _written(folder, done):
    assert (folder / "out/call.rttm").read_bytes() in ((b"new",) if done else (b"old", b"new"))


def _write_without_flushing_it(folder):
    (folder / "out/.fresh").write_bytes(b"new")
    (folder / "out/.fresh").replace(folder / "out/call.rttm")
    flush(folder / "out")


def _write_without_flushing_its_folder(folder):
    write_new(folder / "out/.fresh", b"new")
    (folder / "out/.fresh").replace(folder / "out/call.rttm")


def _write_in_a_folder_that_is_not_flushed(folder):
    (folder / "out/inner").mkdir()
    (folder / "out/call.rttm").replace(folder / "out/inner/call.rttm")
    flush(folder / "out/inner")


def _is_somewhere(folder, _done):
    assert [path.read_bytes() for path in folder.rglob("call.rttm")] == [b"old"]


UNFLUSHED_WORKS = {
    "of data": Work(prepare=_an_output_there, run=_write_without_flushing_it, check=_written, on="out"),
    "of a name": Work(prepare=_an_output_there, run=_write_without_flushing_its_folder, check=_written, on="out"),
    "of a folder's own name": Work(
        prepare=_an_output_there, run=_write_in_a_folder_that_is_not_flushed, check=_is_somewhere, on="out"
    ),
}
"""Writes without the necessary fsync, as negative controls."""


def _mark(folder):
    make_environment = runpy.run_path("roles/python_env/files/make_environment.py")
    (folder / "env/lib").mkdir()
    (folder / "env/lib/module.py").write_bytes(b"a module")
    make_environment["write_durably"](folder / "env/.complete", "by a lock and a wheel\n")


def _no_environment(folder):
    (folder / "env").mkdir(parents=True)


def _is_made(folder, done):
    made = (folder / "env/.complete").is_file()
    assert made or not done
    assert not made or (folder / "env/lib/module.py").read_bytes() == b"a module"


def _report(seconds):
    return report(measurement("a", 100.0, seconds))


def _reports_there(folder):
    (folder / "out").mkdir(parents=True)
    write_reports(_report(1.0), _report_files(folder))


def _report_files(folder):
    return {
        "json": folder / "out/report.json",
        "markdown": folder / "out/report.md",
        "junit": folder / "out/report.xml",
    }


def _write_reports(folder):
    write_reports(_report(2.0), _report_files(folder))


def _reported(folder, done):
    written = (folder / "out/report.json").read_bytes()
    assert written in ([] if done else [_report(1.0).to_json()]) + [_report(2.0).to_json()]
    for path in _report_files(folder).values():
        assert path.read_bytes().endswith(b"\n"), "the file is incomplete"


FILE_WORKS = {
    "a spool": Work(prepare=_recordings_dropped, run=_label, check=_labelled, on="spool"),
    "an environment": Work(prepare=_no_environment, run=_mark, check=_is_made, on="env"),
    "reports": Work(prepare=_reports_there, run=_write_reports, check=_reported, on="out"),
    "an output": Work(prepare=_an_output_there, run=_write, check=_written, on="out"),
}
