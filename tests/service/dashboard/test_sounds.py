import hashlib
import io
import os
import signal

import numpy as np
import pytest

from service.audio import contained
from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.dashboard import sounds
from service.problems import NotAudio, TooLong
from tests.recordings import ENCODINGS, encode

LIMITS = Limits(60, 2)
TONE = np.stack([np.sin(np.arange(24_000) / 8), np.zeros(24_000)]).astype(np.float32) / 2


def test_an_envelope_is_between_the_extremes_of_each_stretch():
    samples = np.random.default_rng(1).normal(0, 0.2, (2, 100_003)).astype(np.float32)
    outline = sounds.envelope(samples, 100)
    size = round(outline.step_ms * SAMPLE_RATE / 1000)
    assert outline.low.shape == outline.high.shape == (2, 100)
    assert outline.low[1, 3] == samples[1, 3 * size : 4 * size].min()
    assert outline.high[0, -1] == samples[0, 99 * size :].max()


def test_a_recording_is_opened_as_the_service_hears_it(sample_call):
    content = sample_call.read_bytes()
    sound = sounds.open_sound(content, LIMITS)
    heard = decode(io.BytesIO(content), LIMITS)
    assert sound.sha256 == hashlib.sha256(content).hexdigest()
    assert (sound.channels, sound.duration_ms) == (2, heard.duration_ms)
    np.testing.assert_allclose(sound.span(2, 1_000, 2_000), heard.samples[1, 16_000:32_000], atol=2e-5)


def test_its_samples_have_no_name_in_any_folder(tmp_path, monkeypatch, sample_call):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sound = sounds.open_sound(sample_call.read_bytes(), LIMITS)
    assert list(tmp_path.iterdir()) == []
    assert sound.span(1, 5_000, 6_000).any()


@pytest.mark.parametrize(
    ("encoding", "media_type"),
    [
        ("wav", "audio/wav"),
        ("mulaw", "audio/wav"),
        ("mp3", "audio/mpeg"),
        ("flac", "audio/flac"),
        ("opus", "audio/ogg"),
        ("webm", "audio/webm"),
        ("m4a", "audio/mp4"),
    ],
)
def test_what_browsers_play_is_played_as_it_is(encoding, media_type):
    content = encode(TONE, 8_000, ENCODINGS[encoding])
    sound = sounds.open_sound(content, LIMITS)
    assert (sound.media_type, sound.media) == (media_type, content)


@pytest.mark.parametrize("encoding", ["ms adpcm", "alac"])
def test_what_they_do_not_play_becomes_what_they_do(encoding):
    sound = sounds.open_sound(encode(TONE, 8_000, ENCODINGS[encoding]), LIMITS)
    played = decode(io.BytesIO(sound.media), LIMITS)
    assert (sound.media_type, played.codec) == ("audio/flac", "flac")
    np.testing.assert_allclose(played.samples[0], sound.samples[:, 0] / 32_767, atol=1e-4)


def test_a_span_beyond_the_end_is_filled_with_silence():
    sound = sounds.open_sound(encode(TONE, 8_000, ENCODINGS["wav"]), LIMITS)
    assert len(sound.span(1, sound.duration_ms, sound.duration_ms + 1_000)) == 2_048


def test_a_long_span_is_cut():
    sound = sounds.open_sound(encode(np.tile(TONE, 12), 8_000, ENCODINGS["wav"]), LIMITS)
    assert len(sound.span(1, 0, 36_000)) == sounds.LONGEST_SPAN_MS * 16


def test_the_features_of_a_span_are_a_few_hundred_columns():
    found = sounds.features(np.zeros(30 * SAMPLE_RATE, dtype=np.float32))
    assert len(found.mel) == len(found.mfcc) == len(found.chroma) <= 602
    assert (found.mel.shape[1], found.mfcc.shape[1], found.chroma.shape[1]) == (64, 19, 12)


def test_what_is_no_recording_is_refused():
    with pytest.raises(NotAudio):
        sounds.open_sound(b"no recording", LIMITS)


def test_what_is_too_long_is_refused(sample_call):
    with pytest.raises(TooLong):
        sounds.open_sound(sample_call.read_bytes(), Limits(10, 2))


def _fault(_told, _limits):
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_file_over_which_the_decoder_dies_is_refused_and_the_page_lives(monkeypatch):
    monkeypatch.setattr(contained, "_answer", _fault)
    with pytest.raises(NotAudio, match="decoder failed"):
        sounds.open_sound(b"hostile", LIMITS)
