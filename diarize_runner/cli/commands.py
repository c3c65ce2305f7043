"""The table of all commands: what each does, an example of it, and the module that runs it.

`--help` and shell completion read this table and import the modules of no other command: they start in 0.2 s.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of the command line."""

    summary: str
    example: str
    """What follows the program's name on the command line."""
    details: str = ""
    """More for its own `--help`."""

    @property
    def description(self) -> str:
        """The first paragraph of its `--help`."""
        return f"{self.summary[0].upper()}{self.summary[1:]}. {self.details}".strip()

    def module(self, name: str) -> str:
        """Return the module that defines the command's options and runs it."""
        return f"diarize_runner.cli.{name.replace(' ', '_').replace('-', '_')}"


GROUPS = {
    "batch": "diarize every recording of a folder or bucket; without VERB: batch run",
    "cache": "build, publish, restore and verify model caches",
    "benchmark": "measure speed and accuracy, and compare reports; without VERB: benchmark run",
    "voices": "enroll, list and delete the voices of people, for diarize --voices",
    "service-key": "add, list and revoke the API keys of the service",
}
"""Names that are followed by a verb."""

DEFAULT_VERBS = {"batch": "run", "benchmark": "run"}

COMMANDS = {
    "run": Command(
        summary="transcribe and diarize: find who said what",
        example="run call.wav --output-dir out",
        details="With --output-dir and without --formats, write every format; without outputs, print the text.",
    ),
    "transcribe": Command(
        summary="find what was said, without speakers",
        example="transcribe call.wav -o call.srt",
    ),
    "diarize": Command(
        summary="find who spoke when; with a transcript, find who said what",
        example="diarize call.wav -t call.srt -o call.labelled.srt -o call.rttm",
    ),
    "vad": Command(
        summary="find when anyone spoke, without telling speakers apart",
        example="vad call.wav -o speech.rttm",
    ),
    "label": Command(
        summary="assign the speakers of an RTTM file to a transcript; needs no audio and no model",
        example="label call.rttm call.srt -o call.labelled.srt",
    ),
    "voices enroll": Command(
        summary="keep the voice of a person, to name the person in results",
        example="voices enroll Ada ada-1.wav ada-2.wav --voices voices.json",
        details="Only that person may speak in the recordings, for 3 s at least; 10 to 30 s are best. FILE holds "
        "biometric data: docs/voices.md.",
    ),
    "voices list": Command(
        summary="list the names of the voices in FILE",
        example="voices list --voices voices.json",
    ),
    "voices delete": Command(
        summary="delete the voice of a person from FILE",
        example="voices delete Ada --voices voices.json",
        details="Copies may be in backups, and the name in results that were made with it.",
    ),
    "spool": Command(
        summary="label every recording in FOLDER/inbox, then exit",
        example="spool /var/lib/diarize-runner",
    ),
    "serve": Command(
        summary="serve the HTTP API: uploads become jobs of a durable queue",
        example="serve --cache ~/.cache/diarize-runner/models --folder ~/.local/share/diarize-runner",
        details="On an address that other machines reach, it needs --keys FILE. docs/service.md describes the API.",
    ),
    "batch run": Command(
        summary="diarize every recording of a folder or bucket that has no result yet",
        example="batch run s3://bucket/calls s3://bucket/results --formats rttm",
        details="Run it again at any time: what is done is left out. Exit code 4: the failures left are permanent.",
    ),
    "batch status": Command(
        summary="show what is done, failed and left of a batch",
        example="batch status s3://bucket/results --output-html batch.html",
    ),
    "batch retry": Command(
        summary="let the next run try the recordings again that failed",
        example="batch retry s3://bucket/results --failed",
    ),
    "cache resolve": Command(
        summary="pin every file of a request by SHA-256 in REQUEST.lock.json",
        example="cache resolve cache_manifests/community-1.yaml",
    ),
    "cache build": Command(
        summary="download the files that a lock pins; write the archive, the requirements and the manifest",
        example="cache build cache_manifests/community-1.yaml --version 1.0 --out build",
    ),
    "cache keygen": Command(
        summary="make an Ed25519 key pair: NAME.key signs versions, NAME.pub verifies them on boxes",
        example="cache keygen release",
    ),
    "cache sbom": Command(
        summary="print the CycloneDX bill of materials of a build: models and packages",
        example="cache sbom build > build/sbom.json",
    ),
    "cache publish": Command(
        summary="upload a build to a store under its version, then point latest/ to it",
        example="cache publish build --store s3://bucket/models",
    ),
    "cache copy": Command(
        summary="copy a version from one store to another, such as a USB disk, and latest/ if it names that version",
        example="cache copy s3://bucket/models file:///media/usb/models",
        details="Each object is compared with the manifest. Run it again to resume, or to verify the copy.",
    ),
    "cache list": Command(
        summary="list the versions in a store, newest first",
        example="cache list --store s3://bucket/models",
    ),
    "cache rollback": Command(
        summary="point latest/ to an older version, with a higher serial",
        example="cache rollback --store s3://bucket/models --to 1.0",
    ),
    "cache prune": Command(
        summary="delete old versions from a store (--store) or from this machine (--into)",
        example="cache prune --store s3://bucket/models --keep 3 --plan",
        details="A store keeps the newest versions, the latest, the version that a rollback would restore, and the "
        "wheels that these name. A machine keeps the current and the previous version.",
    ),
    "cache restore": Command(
        summary="download a version, verify it, and make it the current one on this machine",
        example="cache restore --store s3://bucket/models --into ~/.cache/diarize-runner/models",
    ),
    "cache switch": Command(
        summary="make the previous version on this machine current again, without the store",
        example="cache switch --into ~/.cache/diarize-runner/models",
    ),
    "cache verify": Command(
        summary="compare every byte and link of a cache with its manifest, offline",
        example="cache verify ~/.cache/diarize-runner/models",
    ),
    "cache environment": Command(
        summary="download the images of a version's packages into DIR, to mount them",
        example="cache environment --store https://host/models --into images --python 3.11",
        details="Run it again to resume. An image is named by its digest, and never changes.",
    ),
    "cache wheels": Command(
        summary="download a version's wheels into DIR, for: pip install --no-index --find-links DIR",
        example="cache wheels --store https://host/models --into wheels",
    ),
    "benchmark run": Command(
        summary="measure RTF (processing time / audio duration), and DER where a reference is known",
        example="benchmark run call.wav --reference call.rttm",
    ),
    "benchmark publish": Command(
        summary="upload a report to a store as benchmarks/HOST/TIME.json",
        example="benchmark publish report.json --store s3://bucket/models",
    ),
    "benchmark history": Command(
        summary="show each host's results over time, from a folder or a store of reports",
        example="benchmark history s3://bucket/models --output-html history.html",
    ),
    "benchmark compare": Command(
        summary="compare two reports: print how much faster or slower the second is",
        example="benchmark compare before.json after.json --fail-if-slower 10%",
    ),
    "benchmark plan": Command(
        summary="compute how many boxes diarize N hours of audio before a deadline, and their cost",
        example="benchmark plan report.json --hours 1000 --deadline 24h",
    ),
    "benchmark project": Command(
        summary="project a CPU report to an NVIDIA T4: an estimate, not a measurement",
        example="benchmark project report.json",
    ),
    "benchmark render": Command(
        summary="convert a report to Markdown, HTML, JUnit or the current JSON format",
        example="benchmark render report.json --output-html report.html",
    ),
    "benchmark readme": Command(
        summary="regenerate the tables of reports in a Markdown file",
        example="benchmark readme README.md",
    ),
    "service-key add": Command(
        summary="add an API key of the service to FILE, and print the key once",
        example="service-key add alice --keys /etc/diarize-runner/keys.json",
        details="FILE holds only a digest of the key. A running service accepts the key from its next request on.",
    ),
    "service-key list": Command(
        summary="list the names of the API keys in FILE",
        example="service-key list --keys /etc/diarize-runner/keys.json",
    ),
    "service-key revoke": Command(
        summary="remove an API key of the service from FILE",
        example="service-key revoke alice --keys /etc/diarize-runner/keys.json",
        details="A running service refuses the key from its next request on.",
    ),
    "doctor": Command(
        summary="check that this machine can diarize, and transcribe if its cache has a model",
        details="Exit code 0: it can; 2: it can, but differs from what was provisioned; 3: it cannot.",
        example="doctor --sample",
    ),
    "completion": Command(
        summary="print the completion script of a shell",
        example="completion bash >> ~/.bashrc",
    ),
}
