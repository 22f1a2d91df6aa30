"""The sample call: what is in the repository, and how it is mixed."""

import shutil

import numpy as np
import pytest

from service.audio.decode import Limits, decode
from training.sample_call import AGENT, CALL, CUSTOMER, SAMPLE_RATE, Turn, mix, say, write


def test_the_sample_call_is_a_telephone_call_of_half_a_minute_or_so(sample_call):
    assert sample_call.stat().st_size < 1_000_000
    with sample_call.open("rb") as file:
        recording = decode(file, Limits(60, 2))
    assert (recording.container, recording.codec, recording.sample_rate) == ("wav", "pcm_mulaw", 8_000)
    assert recording.samples.shape[0] == 2
    assert 25_000 <= recording.duration_ms <= 45_000


def test_speakers_take_turns():
    speakers = [turn.channel for turn in CALL]
    assert speakers == [AGENT, CUSTOMER] * (len(CALL) // 2)


def test_turns_follow_each_other_on_their_own_channels():
    loud = np.full(SAMPLE_RATE, 0.5, np.float32)
    line = mix([(Turn(AGENT, 0.5, ""), loud), (Turn(CUSTOMER, 1.0, ""), loud)])
    speaking = np.abs(line) > 0.25
    assert line.shape == (2, round(4.5 * SAMPLE_RATE))
    np.testing.assert_array_equal(np.flatnonzero(speaking[AGENT])[[0, -1]], [4_000, 11_999])
    np.testing.assert_array_equal(np.flatnonzero(speaking[CUSTOMER])[[0, -1]], [20_000, 27_999])


def test_the_same_call_is_the_same_bytes(tmp_path):
    line = mix([(CALL[0], np.sin(np.arange(8_000, dtype=np.float32)))])
    write(line, tmp_path / "first.wav")
    write(line, tmp_path / "second.wav")
    assert (tmp_path / "first.wav").read_bytes() == (tmp_path / "second.wav").read_bytes()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
@pytest.mark.parametrize("turn", CALL[:2])
def test_words_come_out_at_telephone_level(turn):
    speech = say(turn)
    assert 1 < len(speech) / SAMPLE_RATE < 8
    assert 10 * np.log10(np.mean(speech**2)) == pytest.approx(-22, abs=0.1)
