"""Decoding: every format on the list, within the limits, whatever the bytes claim."""

import io
import socket
import struct
import tracemalloc
import zlib

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from service.audio.decode import SAMPLE_RATE, Limits, decode
from service.problems import EmptyFile, NotAudio, TooLong, TooManyChannels
from tests.recordings import ENCODINGS, SEVEN, Encoding, encode, native, silent_flac, wav

LIMITS = Limits(max_seconds=60, max_channels=8)


def _decode(content, limits=LIMITS):
    return decode(io.BytesIO(content), limits)


def _voice_like(seconds, rate, channels=1, seed=0):
    """Noise in the telephone band with syllables: something that every codec keeps."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tones = [
        sum(np.sin(2 * np.pi * f * time + random.uniform(0, 6)) for f in random.uniform(300, 2500, 12))
        for _ in range(channels)
    ]
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * random.uniform(2, 4, channels)[:, None] * time)
    return (0.04 * envelope * np.array(tones)).astype(np.float32)


def _similarity(decoded, original):
    """Highest normalised correlation within 150 ms: raw AAC does not say how much its encoder put in front."""
    size = 2 * max(len(decoded), len(original))
    spectrum = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(original, size))
    reach = SAMPLE_RATE * 15 // 100
    correlation = np.fft.irfft(spectrum)
    nearby = np.concatenate([correlation[:reach], correlation[-reach:]])
    return nearby.max() / np.sqrt(np.dot(decoded, decoded) * np.dot(original, original))


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_format_decodes_to_what_was_recorded(name, sample_call):
    call, rate = native(sample_call)
    spoken = call[:1, 5 * rate : 8 * rate]
    recording = _decode(encode(spoken, rate, ENCODINGS[name]))
    assert recording.samples.dtype == np.float32
    assert recording.samples.shape[0] == 1
    assert recording.duration_ms == pytest.approx(3_000, abs=260)
    assert not recording.damaged
    assert _similarity(recording.samples[0], resample_poly(spoken[0], 2, 1)) > 0.85


@pytest.mark.parametrize("name", sorted(ENCODINGS.keys() - {"amr"}))
def test_channels_stay_apart_and_in_order(name):
    original = _voice_like(2, 16_000, channels=2)
    recording = _decode(encode(original, 16_000, ENCODINGS[name]))
    first, second = recording.samples
    assert _similarity(first, original[0]) > 0.85 > _similarity(first, original[1])
    assert _similarity(second, original[1]) > 0.85 > _similarity(second, original[0])


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_every_rate_becomes_16_khz(rate):
    time = np.arange(2 * rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * time).astype(np.float32)[None]
    recording = _decode(encode(tone, rate, ENCODINGS["wav"]))
    assert recording.sample_rate == rate
    assert recording.samples.shape[1] == pytest.approx(2 * SAMPLE_RATE, abs=40)
    expected = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(recording.samples.shape[1]) / SAMPLE_RATE)
    middle = slice(1_000, -1_000)
    np.testing.assert_allclose(recording.samples[0, middle], expected[middle], atol=2e-3)


@given(
    samples=st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=400),
    channels=st.integers(1, 8),
)
@settings(max_examples=50)
def test_pcm_at_16_khz_comes_out_as_it_went_in(samples, channels):
    pcm = np.resize(np.array(samples, "<i2"), (len(samples), channels))
    recording = _decode(wav(pcm.tobytes(), channels=channels))
    np.testing.assert_array_equal(recording.samples, (pcm.T / 32_768).astype(np.float32))
    assert (recording.container, recording.codec) == ("wav", "pcm_s16le")


def test_a_recording_says_how_long_it_is():
    assert _decode(wav(bytes(2 * 12_345))).duration_ms == round(12_345 / 16)


def test_a_chunk_that_leads_far_beyond_the_end_is_refused_whatever_the_file_lies_in(tmp_path):
    """As no file, on disk or in memory, can be sought there; each says so in another way."""
    riff = b"riff.\x91\xcf\x11\xa5\xd6(\xdb\x04\xc1\x00\x00"
    wave = b"wave\xf3\xac\xd3\x11\x8c\xd1\x00\xc0O\x8e\xdb\x8a"
    content = riff + struct.pack("<Q", 2**62) + wave + bytes(16) + struct.pack("<Q", 2**62) + bytes(100)
    path = tmp_path / "call.w64"
    path.write_bytes(content)
    with path.open("rb") as file:
        for source in (file, io.BytesIO(content)):
            with pytest.raises(NotAudio):
                decode(source, LIMITS)


def test_no_bytes():
    with pytest.raises(EmptyFile, match="no bytes"):
        _decode(b"")


@pytest.mark.parametrize("content", [wav(b""), encode(_voice_like(1, 8_000), 8_000, SEVEN["flac"])[:90]])
def test_no_samples(content):
    with pytest.raises(NotAudio):
        _decode(content)


def _png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(4 * 5))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_png(), id="an image renamed to .wav"),
        pytest.param(b"Dear sir or madam,\n" * 1_000, id="text"),
        pytest.param(bytes(100_000), id="zeros"),
        pytest.param(np.random.default_rng(0).bytes(100_000), id="noise"),
        pytest.param(b"%PDF-1.7\n" + bytes(1_000), id="PDF"),
        pytest.param(b"RIFF", id="four bytes"),
    ],
)
def test_what_is_not_audio_is_told_what_to_send(content):
    with pytest.raises(NotAudio, match="Send WAV, MP3, FLAC, Ogg, Opus, M4A, AAC, WebM or AMR"):
        _decode(content)


def test_a_film_without_sound():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(NotAudio, match="no audio track"):
        _decode(file.getvalue())


def test_a_codec_that_is_not_on_the_list_is_named():
    content = encode(_voice_like(1, 48_000), 48_000, Encoding("matroska", "ac3"))
    with pytest.raises(NotAudio, match="ac3"):
        _decode(content)


@pytest.fixture
def secret(tmp_path):
    """A recording on the server that is nobody's business."""
    path = tmp_path / "secret.wav"
    path.write_bytes(encode(_voice_like(1, 8_000), 8_000, SEVEN["wav"]))
    return path


def test_an_ffconcat_text_reads_no_local_file(secret):
    playlist = f"ffconcat version 1.0\nfile {secret.name}\n"
    (secret.parent / "playlist").write_text(playlist)
    with av.open(str(secret.parent / "playlist")) as container:  # what would happen without the list
        assert next(container.decode(audio=0)).samples > 0
    for content in (playlist, playlist.replace(secret.name, str(secret)), playlist.replace("file ", "file file:")):
        with pytest.raises(NotAudio) as caught:
            _decode(content.encode())
        assert str(secret.parent) not in caught.value.detail


def test_an_hls_playlist_opens_no_file_and_no_connection(secret):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        host, port = server.getsockname()
        for target in (f"http://{host}:{port}/a.ts", f"file://{secret}", str(secret), f"tcp://{host}:{port}"):
            with pytest.raises(NotAudio):
                _decode(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode())
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_error_does_not_say_where_the_file_lies(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(b"no audio at all")
    with path.open("rb") as file, pytest.raises(NotAudio) as caught:
        decode(file, LIMITS)
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize("claims", [0, 1_000, 2**31, 2**32 - 1])
def test_a_wav_header_may_lie_about_its_size(claims):
    second = encode(_voice_like(1, 16_000), 16_000, SEVEN["wav"])[-32_000:]
    recording = _decode(wav(second, claims=claims))
    assert recording.duration_ms in (1_000, claims // 32)


@pytest.mark.parametrize("claims_seconds", [0, 1, (2**36 - 1) // 8_000])
def test_a_flac_header_may_lie_about_its_length(claims_seconds):
    recording = _decode(silent_flac(20, claims_seconds=claims_seconds))
    assert recording.duration_ms == pytest.approx(20_000, abs=8_192)


def test_ten_hours_in_a_small_file_stop_at_the_limit():
    content = silent_flac(36_000)
    assert len(content) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(TooLong, match="longer than 60 seconds"):
            _decode(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 60 * SAMPLE_RATE * 4


def test_a_file_that_is_longer_than_it_claims_stops_at_the_limit():
    with pytest.raises(TooLong):
        _decode(silent_flac(120, claims_seconds=1))


def test_a_recording_may_be_as_long_as_the_limit():
    """In floating point the lengths of its frames add up to a little more."""
    limits = Limits(max_seconds=10, max_channels=1)
    assert _decode(silent_flac(10, block=400), limits).duration_ms == 10_000


def test_a_limit_is_not_reached_by_a_claim():
    assert _decode(silent_flac(20, claims_seconds=36_000)).duration_ms < 60_000


@pytest.mark.parametrize("channels", [9, 64])
def test_too_many_channels(channels):
    with pytest.raises(TooManyChannels, match=f"{channels} channels; send at most 8"):
        _decode(wav(bytes(channels * 2 * 100), channels=channels))


@pytest.mark.parametrize("rate", [1, 100, 7_999, 192_001, 2**31 - 1])
def test_a_rate_that_no_recorder_writes(rate):
    with pytest.raises(NotAudio, match=f"{rate} Hz"):
        _decode(wav(bytes(32_000), rate=rate))


@pytest.mark.parametrize("bits", [32, 64])
def test_nan_and_infinity_become_silence(bits):
    samples = np.full(1_600, 0.25, f"<f{bits // 8}")
    samples[[100, 200, 300]] = np.nan, np.inf, -np.inf
    decoded = _decode(wav(samples.tobytes(), bits=bits, float_=True)).samples[0]
    expected = np.full(1_600, 0.25)
    expected[[100, 200, 300]] = 0
    np.testing.assert_array_equal(decoded, expected)


def test_nan_and_infinity_are_gone_after_resampling():
    samples = np.full(8_000, 0.25, "<f4")
    samples[[100, 4_000, 7_000]] = np.nan, np.inf, -np.inf
    decoded = _decode(wav(samples.tobytes(), rate=8_000, bits=32, float_=True)).samples[0]
    assert np.isfinite(decoded).all()
    assert np.count_nonzero(np.abs(decoded - 0.25) > 0.01) < 400


def test_floats_beyond_full_scale_are_clipped():
    samples = np.array([3, -3, 1e30, 0.5], "<f4")
    decoded = _decode(wav(samples.tobytes(), bits=32, float_=True)).samples
    np.testing.assert_array_equal(decoded, [[1, -1, 1, 0.5]])


def test_the_format_may_change_on_the_way():
    mono = encode(_voice_like(2, 16_000), 16_000, SEVEN["mp3"])
    stereo = encode(_voice_like(3, 44_100, channels=2), 44_100, SEVEN["mp3"])
    recording = _decode(mono + stereo)
    assert recording.samples.shape[0] == 1
    assert recording.sample_rate == 16_000
    assert recording.duration_ms == pytest.approx(5_000, abs=200)
    assert np.abs(recording.samples[0, -SAMPLE_RATE:]).max() > 0.02


def test_more_channels_on_the_way_count_too():
    mono = encode(_voice_like(2, 16_000), 16_000, SEVEN["mp3"])
    stereo = encode(_voice_like(2, 44_100, channels=2), 44_100, SEVEN["mp3"])
    with pytest.raises(TooManyChannels):
        _decode(mono + stereo, Limits(max_seconds=60, max_channels=1))


@pytest.mark.parametrize("name", sorted(SEVEN.keys() - {"m4a"}))
def test_a_file_that_is_cut_short_gives_what_it_has(name):
    content = encode(_voice_like(4, 8_000), 8_000, SEVEN[name])
    recording = _decode(content[: len(content) // 2])
    assert 1_000 <= recording.duration_ms <= 3_000


def test_an_m4a_without_its_index_cannot_be_read():
    content = encode(_voice_like(4, 8_000), 8_000, SEVEN["m4a"])
    with pytest.raises(NotAudio):
        _decode(content[: len(content) // 2])


def test_damage_is_passed_over_and_said():
    content = bytearray(encode(_voice_like(4, 16_000), 16_000, SEVEN["m4a"]))
    middle = content.index(b"mdat") + 8_000
    content[middle : middle + 2_000] = np.random.default_rng(0).bytes(2_000)
    recording = _decode(bytes(content))
    assert recording.damaged
    assert recording.duration_ms > 2_000


_FILES = [encode(_voice_like(1, 8_000), 8_000, encoding) for encoding in ENCODINGS.values()]


@given(st.data())
@settings(max_examples=150)
def test_broken_files_decode_or_are_refused(data):
    content = bytearray(data.draw(st.sampled_from(_FILES)))
    del content[data.draw(st.integers(1, len(content))) :]
    # Headers are where a byte does most.
    places = st.one_of(st.integers(0, len(content) - 1), st.integers(0, min(len(content), 200) - 1))
    for place in data.draw(st.lists(places, max_size=20)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        samples = _decode(bytes(content)).samples
    except (NotAudio, TooLong, TooManyChannels):
        return
    assert samples.size > 0
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1
