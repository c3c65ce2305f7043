"""Every error a user can meet, in one tree.

    DiarizeRunnerError            exit 1   failed
      UsageError                  exit 2   the command line makes no sense
      ManifestError               exit 1   a request, lock, manifest, workload or report says something wrong, and where
        UnsupportedFormat
          NotAReport                       the document is something else than a benchmark's report
      SourceError                 exit 1   a wheel or a Hub repo cannot be had as pinned
        GatedRepo                          its terms were not accepted by this token's account
        RevisionNotFound
      UnsafeCheckpoint            exit 3   a checkpoint or config names something outside the allow-list
      SecretFound                 exit 1   a file that was to be published holds a token
      StoreError                  exit 1
        ObjectNotFound
        ObjectExists                       names in a store are written once
        SwapLost                           somebody else moved `latest` first
        Passing                            it may go better the next time, and it was tried again: store/remote.py
      IntegrityError              exit 3   bytes differ from what the manifest says
        UntrustedFolder                    somebody else on this machine could change them
      DiskError                   exit 1   full, read-only or not ours
      AudioError                  exit 1
        UnreadableAudio
        EmptyAudio
      TranscriptError             exit 1
      RttmError                   exit 1
      SpoolError                  exit 1   what was dropped is no recording, or two runs share a spool
      PipelineError               exit 1
        DeviceUnavailable
        OfflineViolation                   something tried to reach the network
      FleetError                  exit 1   EC2 refused, could not be reached, or a box did not start
      Drift                       exit 1   `doctor` catches it: it works, and not as provisioned: doctor/check.py
      Interrupted                 exit 130 somebody pressed Ctrl-C

Each carries one sentence that says what is wrong and, as `hint`, one that says what to do.
Adapters translate foreign errors where they meet them; only `diarize_runner.cli` prints.
"""


class DiarizeRunnerError(Exception):
    """The root: `message` says what is wrong, `hint` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DiarizeRunnerError):
    """The command line makes no sense."""

    exit_code = 2


class ManifestError(DiarizeRunnerError):
    """A document is wrong; the message names the place, as in `repos[0].files[3].size`."""


class UnsupportedFormat(ManifestError):
    """The document is of a format this release does not read."""


class NotAReport(UnsupportedFormat):
    """The document is something else than a benchmark's report."""


class SourceError(DiarizeRunnerError):
    """A file could not be had from its source as the lock pins it."""


class GatedRepo(SourceError):
    """A Hub repository asks for terms to be accepted, or an account to be let in, first."""


class RevisionNotFound(SourceError):
    """A Hub repository has no such branch, tag or commit."""


class UnsafeCheckpoint(DiarizeRunnerError):
    """A checkpoint, or a pipeline's config, has something imported that is not on the allow-list."""

    exit_code = 3


class SecretFound(DiarizeRunnerError):
    """A file that was to be published holds a token, or is called like one. The message never quotes it."""


class StoreError(DiarizeRunnerError):
    """The store refused, or could not be reached."""


class ObjectNotFound(StoreError):
    """The store has no object of that name."""


class ObjectExists(StoreError):
    """The store already has an object of that name, and names are written once."""


class SwapLost(StoreError):
    """The object changed between the read and the write of a compare-and-swap."""


class IntegrityError(DiarizeRunnerError):
    """Bytes are not what the manifest says they are."""

    exit_code = 3


class UntrustedFolder(IntegrityError):
    """Another user of this machine could change a cache after it was verified."""


class DiskError(DiarizeRunnerError):
    """The local disk refused a write."""


class AudioError(DiarizeRunnerError):
    """A recording cannot be diarized."""


class UnreadableAudio(AudioError):
    """No audio could be decoded from the file."""


class EmptyAudio(AudioError):
    """The recording holds no samples."""


class TranscriptError(DiarizeRunnerError):
    """A transcript cannot be read."""


class RttmError(DiarizeRunnerError):
    """Speaker turns cannot be read."""


class SpoolError(DiarizeRunnerError):
    """What was dropped into a spool cannot be labelled as it is, or somebody else is at work there."""


class PipelineError(DiarizeRunnerError):
    """The pipeline could not be loaded or run."""


class DeviceUnavailable(PipelineError):
    """The device that was asked for is not there."""


class OfflineViolation(PipelineError):
    """Something tried to reach the network while the offline guard was up."""


class FleetError(DiarizeRunnerError):
    """EC2 refused, could not be reached, or a box did not start."""


class Interrupted(DiarizeRunnerError):
    """Somebody stopped the command."""

    exit_code = 130


OF_ONE_RECORDING = (AudioError, TranscriptError, PipelineError, DiskError)
"""What is wrong with one recording as it is heard, diarized, labelled or written; all else is wrong with every one."""
