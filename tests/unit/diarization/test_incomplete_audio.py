"""Recordings that are cut short or damaged are decoded as far as possible, as ffmpeg does, with a warning."""

import numpy as np
import pytest
from support.decoded import decode_with_warnings, warnings_of
from support.sounds import tone, write_encoded

from diarize_runner.errors import UnreadableAudio

RATE = 16_000
STATES_BYTES = {"w64": "pcm_s16le", "wav": "pcm_s16le", "aiff": "pcm_s16be", "caf": "pcm_s16le", "avi": "pcm_s16le"}
STATES_SECONDS = {"au": "pcm_s16be", "mp3": "libmp3lame", "webm": "libopus", "rm": "ac3"}
FAILS_AT_THE_CUT = {"flac": "flac", "wv": "wavpack", "tta": "tta", "flv": "aac"}
STATES_NOTHING = {"mp2": "mp2", "ac3": "ac3", "nut": "pcm_s16le"}
RATES = {"webm": 48_000, "rm": 48_000, "ac3": 48_000, "ogg": 48_000, "flv": 44_100}


def write(path, codec, **options):
    """Write six seconds that no codec compresses to nothing."""
    rate = RATES.get(path.suffix[1:], RATE)
    sound = tone(6, rate) / 2 + 0.1 * np.random.default_rng(1).standard_normal(6 * rate)
    write_encoded(path, codec, "mono", rate, sound, **options)
    return path


def cut(path, part=2 / 3):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


EVERY_CODEC = {**STATES_BYTES, **STATES_SECONDS, **FAILS_AT_THE_CUT, **STATES_NOTHING, "ogg": "libopus", "m4a": "aac"}


@pytest.mark.parametrize(("suffix", "codec"), EVERY_CODEC.items(), ids=EVERY_CODEC)
def test_a_whole_recording_has_no_warning(tmp_path, suffix, codec):
    recording, warnings = decode_with_warnings(write(tmp_path / f"talk.{suffix}", codec))
    assert recording.duration == pytest.approx(6, abs=0.1)
    assert warnings == ()


@pytest.mark.parametrize(("suffix", "codec"), STATES_BYTES.items(), ids=STATES_BYTES)
def test_a_cut_recording_whose_header_states_bytes_gives_a_warning(tmp_path, suffix, codec):
    recording, (warning,) = decode_with_warnings(cut(write(tmp_path / f"talk.{suffix}", codec)))
    assert recording.duration == pytest.approx(4, abs=0.1)
    assert warning.startswith("the recording is truncated: it has 1")
    assert warning.endswith(" bytes")


@pytest.mark.parametrize(("suffix", "codec"), STATES_SECONDS.items(), ids=STATES_SECONDS)
def test_a_cut_recording_whose_header_states_seconds_gives_a_warning(tmp_path, suffix, codec):
    path = cut(write(tmp_path / f"talk.{suffix}", codec))
    seconds = "3.9" if suffix == "webm" else "4.0"
    expected = f"the recording is truncated: it holds {seconds} s of the 6.0 s that its header states"
    assert warnings_of(path) == (expected,)


def test_a_cut_rf64_gives_a_warning(tmp_path):
    path = cut(write(tmp_path / "talk.wav", "pcm_s16le", rf64="always"))
    assert path.read_bytes()[:4] == b"RF64"
    expected = "the recording is truncated: it holds 4.0 s of the 6.0 s that its header states"
    assert warnings_of(path) == (expected,)


def test_a_cut_mp4_that_begins_with_its_index_gives_a_warning(tmp_path):
    path = cut(write(tmp_path / "talk.mp4", "aac", movflags="faststart"))
    (warning,) = warnings_of(path)
    assert "s of the 6.1 s that its header states" in warning


@pytest.mark.parametrize(("suffix", "codec"), FAILS_AT_THE_CUT.items(), ids=FAILS_AT_THE_CUT)
def test_a_recording_whose_last_frame_is_cut_is_decoded_up_to_it(tmp_path, suffix, codec):
    recording, (warning,) = decode_with_warnings(cut(write(tmp_path / f"talk.{suffix}", codec)))
    assert 3 < recording.duration < 4.1
    assert warning.startswith("the recording is damaged at ")
    assert warning.endswith(" s of the 6.0 s that its header states")


def test_an_ogg_file_that_ends_within_a_page_gives_a_warning(tmp_path):
    path = cut(write(tmp_path / "talk.ogg", "libopus"))
    assert warnings_of(path) == ("the recording is truncated: its last page is incomplete",)


@pytest.mark.parametrize(("suffix", "codec"), STATES_NOTHING.items(), ids=STATES_NOTHING)
def test_a_format_that_states_no_length_gives_no_false_warning(tmp_path, suffix, codec):
    assert warnings_of(cut(write(tmp_path / f"talk.{suffix}", codec))) == ()


def test_an_mp3_without_a_frame_count_gives_no_false_warning(tmp_path):
    path = write(tmp_path / "talk.mp3", "libmp3lame", write_xing="0")
    assert warnings_of(path) == ()
    assert warnings_of(cut(path)) == ()


def test_a_cut_mp3_behind_a_large_id3_tag_gives_a_warning(tmp_path):
    path = cut(write(tmp_path / "talk.mp3", "libmp3lame", id3v2_version="0"))
    size = 200_000
    tag = b"ID3\4\0\0" + bytes(size >> 7 * shift & 0x7F for shift in (3, 2, 1, 0)) + bytes(size)
    path.write_bytes(tag + path.read_bytes())
    expected = "the recording is truncated: it holds 4.0 s of the 6.0 s that its header states"
    assert warnings_of(path) == (expected,)


def test_an_aiff_from_a_pipe_gives_no_false_warning(tmp_path):
    """SoX states 0x7F000000 samples or so when it cannot seek back to the header."""
    path = write(tmp_path / "talk.aiff", "pcm_s16be")
    content = bytearray(path.read_bytes())
    place = content.index(b"COMM")
    content[4:8], content[place + 10 : place + 14] = b"\x7f\xff\xff\xff", b"\x3f\xff\xff\xf0"
    path.write_bytes(content)
    recording, warnings = decode_with_warnings(path)
    assert (recording.duration, warnings) == (pytest.approx(6, abs=0.1), ())


def test_a_damaged_frame_within_an_mp3_is_skipped_and_its_seconds_are_named(tmp_path):
    path = write(tmp_path / "talk.mp3", "libmp3lame")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = b"\x55" * 600
    path.write_bytes(content)
    recording, (warning,) = decode_with_warnings(path)
    assert 5.5 < recording.duration < 6
    assert warning.startswith("the recording is damaged at ")
    assert warning.endswith(f": {6 - recording.duration:.2f} s are lost")


def test_junk_after_the_end_of_an_mp3_keeps_all_of_it(tmp_path):
    path = write(tmp_path / "talk.mp3", "libmp3lame")
    path.write_bytes(path.read_bytes() + np.random.default_rng(2).bytes(3_000))
    recording, (warning,) = decode_with_warnings(path)
    assert recording.duration == pytest.approx(6, abs=0.1)
    assert warning.startswith("the recording is damaged at ")


def test_of_two_mp3s_in_a_row_both_are_decoded(tmp_path):
    path = write(tmp_path / "talk.mp3", "libmp3lame")
    path.write_bytes(path.read_bytes() * 2)
    recording, _ = decode_with_warnings(path)
    assert recording.duration == pytest.approx(12, abs=0.2)


def damage_tta(path, frames):
    """Write six seconds of TTA, whose frames last about a second; overwrite some of them."""
    content = bytearray(write(path, "tta").read_bytes())
    sizes = np.frombuffer(content[22 : 22 + 4 * 6], "<u4")
    ends = 22 + 4 * 6 + 4 + np.cumsum(sizes)
    for frame in frames:
        content[ends[frame - 1] : ends[frame]] = b"\xff" * sizes[frame]
    path.write_bytes(content)
    return path


def test_damage_in_two_places_is_counted(tmp_path):
    recording, (warning,) = decode_with_warnings(damage_tta(tmp_path / "talk.tta", [1, 3]))
    assert recording.duration == pytest.approx(4, abs=0.2)
    assert warning.startswith("the recording is damaged at 2 places, first at 1.04 s: it holds 3.9 s of the 6.0 s ")


def test_a_recording_of_which_most_is_damaged_is_refused_with_the_time(tmp_path):
    path = damage_tta(tmp_path / "board meeting.tta", [1, 2, 3, 4, 5])
    with pytest.raises(UnreadableAudio, match=r"tta is damaged at 1\.04 s: Invalid data") as caught:
        decode_with_warnings(path)
    assert caught.value.hint == f"keep the part that can be decoded: ffmpeg -i '{path}' repaired.wav"
