"""Decoding in a process of its own: the same as without, but for files that ask too much."""

import io
import json
import os
import resource
import signal
import struct
from multiprocessing.reduction import recv_handle

import numpy as np
import pytest

from service.audio import contained
from service.audio import decode as uncontained
from service.audio.contained import LostDecoderError, decode
from service.audio.decode import Limits
from service.problems import EmptyFile, NotAudio, TooLong, TooManyChannels
from tests.recordings import ENCODINGS, encode, silent_flac, wav

LIMITS = Limits(max_seconds=60, max_channels=2)


def test_it_is_what_the_decoder_says(sample_call):
    with sample_call.open("rb") as file:
        found, expected = decode(file, LIMITS), uncontained.decode(file, LIMITS)
    np.testing.assert_array_equal(found.samples, expected.samples)
    assert found.samples.flags.writeable
    for name in ("sample_rate", "container", "codec", "damaged", "duration_ms"):
        assert getattr(found, name) == getattr(expected, name)


def test_a_file_that_lies_in_memory(sample_call):
    assert decode(io.BytesIO(sample_call.read_bytes()), LIMITS).container == "wav"


def test_whoever_sent_the_file_can_go_on_reading(sample_call):
    with sample_call.open("rb") as file:
        start = file.read(1_000)
        decode(file, LIMITS)
        assert start + file.read() == sample_call.read_bytes()


def test_damage_is_told():
    content = bytearray(encode(np.zeros((1, 64_000), np.float32), 16_000, ENCODINGS["m4a"]))
    middle = content.index(b"mdat") + 100
    content[middle : middle + 100] = np.random.default_rng(0).bytes(100)
    assert decode(io.BytesIO(content), LIMITS).damaged


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", EmptyFile), (b"text", NotAudio), (silent_flac(120), TooLong), (wav(bytes(60), channels=3), TooManyChannels)],
)
def test_a_refusal_is_the_decoders(content, problem):
    with pytest.raises(problem) as found:
        decode(io.BytesIO(content), LIMITS)
    with pytest.raises(problem) as expected:
        uncontained.decode(io.BytesIO(content), LIMITS)
    assert found.value.document() == expected.value.document()


def _with_a_tag_of(size):
    """A WAV file whose artist has a name of ``size`` bytes, it says."""
    tag = b"LIST" + struct.pack("<I", 2**32 - 16) + b"INFOIART" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 2**32 - 8) + b"WAVE" + tag


def _measured(told, limits):
    file, samples = recv_handle(told), recv_handle(told)
    contained.confine(limits)
    answer = contained._decoded(file, samples, limits)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told.send_bytes(json.dumps({**answer, "detail": str(peak)}).encode())


def test_a_short_file_that_asks_for_two_gigabytes_does_not_get_them(monkeypatch):
    monkeypatch.setattr(contained, "_answer", _measured)
    with pytest.raises(NotAudio) as found:
        decode(io.BytesIO(_with_a_tag_of(2**31 - 64)), LIMITS)
    assert int(found.value.detail) < 600


def _greedy(told, limits):
    contained.confine(limits)
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    contained.decode_here = lambda *_: bytes(10**9)
    told.send_bytes(json.dumps(contained._decoded(recv_handle(told), recv_handle(told), limits)).encode())


def test_a_recording_that_takes_more_memory_than_its_length_allows_is_refused(monkeypatch):
    monkeypatch.setattr(contained, "_answer", _greedy)
    with pytest.raises(NotAudio, match="more memory"):
        decode(io.BytesIO(b"x"), LIMITS)


def _fault(told, limits):
    os.kill(os.getpid(), signal.SIGSEGV)


def _spin(told, limits):
    contained._limit(resource.RLIMIT_CPU, 1)
    while True:
        pass


@pytest.mark.parametrize("what", [_fault, _spin])
def test_a_file_over_which_the_decoder_dies_is_not_audio(monkeypatch, sample_call, what):
    monkeypatch.setattr(contained, "_answer", what)
    with sample_call.open("rb") as file, pytest.raises(NotAudio, match="decoder failed"):
        decode(file, LIMITS)


def _killed(told, limits):
    os.kill(os.getpid(), signal.SIGKILL)


def _stuck(told, limits):
    signal.pause()


@pytest.mark.parametrize("what", [_killed, _stuck])
def test_what_is_not_the_files_fault_is_tried_again(monkeypatch, sample_call, what):
    monkeypatch.setattr(contained, "_answer", what)
    monkeypatch.setattr(contained, "_PATIENCE", 0.01)
    with sample_call.open("rb") as file, pytest.raises(LostDecoderError):
        decode(file, LIMITS)
