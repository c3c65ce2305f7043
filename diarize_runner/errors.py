"""The errors that users see.

    DiarizeRunnerError            exit 1   failed
      UsageError                  exit 2   invalid command line
        InvalidCursor                      of a page of jobs
      ManifestError               exit 1   a request, lock, manifest, workload or report is invalid
        UnsupportedFormat                  its format version is unknown to this release
          NotAReport                       it is not a benchmark report
      SourceError                 exit 1   a wheel or a Hub repository is not available as pinned
        GatedRepo                          the token's account has not accepted the repository's terms
        RevisionNotFound
      UnsafeCheckpoint            exit 3   a checkpoint or config names a class outside the allowlist
      SecretFound                 exit 1   a file to be published contains a token
      StoreError                  exit 1
        ObjectNotFound
        ObjectExists                       objects are written once
        SwapConflict                       another writer moved `latest` first
        TransientStoreError                still failing after retries: store/remote.py
        AccessDeniedError                  S3 denied access: store/s3/errors.py
      IntegrityError              exit 3   bytes differ from the manifest
        UntrustedFolder                    another user of this machine could change them
      DiskError                   exit 1   read-only, no permission or damaged
        DiskFull                           no space, or no quota
      AudioError                  exit 1
        UnreadableAudio
        EmptyAudio
      TranscriptError             exit 1
      RttmError                   exit 1
      VoiceError                  exit 1   a voice cannot be enrolled, or another model made the file of voices
      SpoolError                  exit 1   a dropped file is no recording, or two runs share a spool
      PipelineError               exit 1
        ModelProcessDied                   in service/workers/models.py: the process that runs the service's jobs
        DeviceUnavailable
        OfflineViolation                   code tried to reach the network
        OutOfMemory                        of the device, while transcribing
      QueueError                  exit 1   the queue's database cannot be used, or holds a row that is no job
      IdempotencyConflict         exit 1   an idempotency key was used for another request
      LeaseLost                   exit 1   another worker has the job, or it ended
      QueueFull                   exit 1   in service/intake.py: no room for more audio
      DeliveryFailed              exit 1   in service/webhooks/sender.py: a webhook did not arrive
        ReceiverGone                       its receiver wants no more
      FleetError                  exit 1   EC2 refused or is unreachable, or a box did not start
      Drift                       exit 1   in doctor/check.py: works, but not as provisioned
      Interrupted                 exit 130 Ctrl-C
      UnexpectedError             exit 1   an exception that no adapter translates: unexpected.py

Each has one sentence that says what is wrong and, as `hint`, one that says what to do.
Adapters translate foreign errors where they catch them; only `diarize_runner.cli` prints.
"""


class DiarizeRunnerError(Exception):
    """Base class: `message` says what is wrong, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DiarizeRunnerError):
    """The command line is invalid."""

    exit_code = 2


class InvalidCursor(UsageError):
    """A page of jobs was requested with a cursor that no page returned."""


class ManifestError(DiarizeRunnerError):
    """A document is invalid; the message names the field, such as `repos[0].files[3].size`."""


class UnsupportedFormat(ManifestError):
    """The document's format version is unknown to this release."""


class NotAReport(UnsupportedFormat):
    """The document is not a benchmark report."""


class SourceError(DiarizeRunnerError):
    """A source does not provide a file as the lock pins it."""


class GatedRepo(SourceError):
    """A Hub repository requires accepted terms, or approval of the account."""


class RevisionNotFound(SourceError):
    """A Hub repository has no such branch, tag or commit."""


class UnsafeCheckpoint(DiarizeRunnerError):
    """A checkpoint, or a pipeline's config, imports a class that is not on the allowlist."""

    exit_code = 3


class SecretFound(DiarizeRunnerError):
    """A file to be published contains a token, or is named like one. The message never quotes it."""


class StoreError(DiarizeRunnerError):
    """The store refused a request, or cannot be reached."""


class ObjectNotFound(StoreError):
    """The store has no such object."""


class ObjectExists(StoreError):
    """The store already has the object; objects are written once."""


class SwapConflict(StoreError):
    """The object changed between the read and the write of a compare-and-swap."""


class IntegrityError(DiarizeRunnerError):
    """Bytes differ from the manifest."""

    exit_code = 3


class UntrustedFolder(IntegrityError):
    """Another user of this machine could change a verified cache."""


class DiskError(DiarizeRunnerError):
    """The local disk refused a write."""


class DiskFull(DiskError):
    """The local disk, or the user's quota on it, is full."""


class AudioError(DiarizeRunnerError):
    """A recording cannot be diarized."""


class UnreadableAudio(AudioError):
    """The file has no decodable audio."""


class EmptyAudio(AudioError):
    """The recording has no samples."""


class TranscriptError(DiarizeRunnerError):
    """A transcript cannot be read."""


class RttmError(DiarizeRunnerError):
    """Speaker turns cannot be read."""


class VoiceError(DiarizeRunnerError):
    """A voice cannot be enrolled, or enrolled voices cannot be compared with those of this model."""


class SpoolError(DiarizeRunnerError):
    """A file in the spool cannot be labelled, or another run uses the spool."""


class PipelineError(DiarizeRunnerError):
    """The pipeline could not be loaded or run."""


class DeviceUnavailable(PipelineError):
    """The requested device is not available."""


class OfflineViolation(PipelineError):
    """Code tried to reach the network while the offline guard was active."""


class OutOfMemory(PipelineError):
    """The device has too little memory for a transcription."""


class QueueError(DiarizeRunnerError):
    """The database of the queue cannot be used, or it holds a row that is no job."""


class IdempotencyConflict(DiarizeRunnerError):
    """The owner used the idempotency key for another request."""


class LeaseLost(DiarizeRunnerError):
    """Another worker has the job, or it ended; the result of the old worker is discarded."""


class FleetError(DiarizeRunnerError):
    """EC2 refused a request or cannot be reached, or a box did not start."""


class Interrupted(DiarizeRunnerError):
    """The user stopped the command."""

    exit_code = 130


class UnexpectedError(DiarizeRunnerError):
    """An exception that no adapter translates; most likely a bug."""


SHARED_ERRORS = (DeviceUnavailable, DiskFull, IntegrityError)
"""Errors that concern every recording: they end a batch. Any other error of a recording concerns only that one."""
