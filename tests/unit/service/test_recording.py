"""What decoding said of an upload survives on the disk."""

import numpy as np
import pytest

from diarize_runner.digests import hash_bytes
from diarize_runner.errors import EmptyAudio
from diarize_runner.service.recording import DecodedUpload

DIGEST = str(hash_bytes(b"upload").digest)
UPLOAD = DecodedUpload(uri="Gespräch", digest=DIGEST, warnings=("it ends early",), channel=2)


def test_a_document_is_read_as_it_was_written():
    assert DecodedUpload.decode(UPLOAD.encode()) == UPLOAD


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"uri": "a", "digest": "md5:1"}', b"no JSON"])
def test_a_document_that_is_something_else_is_refused(data):
    with pytest.raises((ValueError, TypeError, KeyError)):
        DecodedUpload.decode(data)


def test_the_recording_has_the_samples_of_the_file_and_changes_stay_in_memory(tmp_path):
    samples = np.linspace(-1, 1, 100, dtype=np.float32)
    (tmp_path / "samples").write_bytes(samples.tobytes())
    recording = UPLOAD.open(tmp_path / "samples")
    assert np.array_equal(recording.waveform, samples)
    assert (recording.uri, str(recording.digest), recording.warnings) == ("Gespräch", DIGEST, ("it ends early",))
    recording.waveform[0] = 0.5
    assert (tmp_path / "samples").read_bytes() == samples.tobytes()


def test_a_file_without_samples_is_an_empty_recording(tmp_path):
    (tmp_path / "samples").touch()
    with pytest.raises(EmptyAudio):
        UPLOAD.open(tmp_path / "samples")
