"""How a recording sounds, as it is stored."""

from service.schemas import Acoustics

STORED_BEFORE_QUALITY = """
{"audio": {"container": "wav", "codec": "pcm_mulaw", "sample_rate": 8000, "channels": 1, "duration_ms": 3000,
  "layout": "mixed"},
 "channels": [{"channel": 1, "role": "unknown", "status": "analyzed", "reason": null, "speech_ms": 2000,
  "overall": {"label": "calm", "confidence": 1.0, "scores": {"calm": 1.0}}}],
 "timeline": [{"start_ms": 0, "end_ms": 2000, "channel": 1, "role": "unknown", "source": "speech", "label": "calm",
  "confidence": 1.0, "scores": {"calm": 1.0}}],
 "models": [{"name": "speech_emotion", "version": "1.0.0", "sha256": "0", "source": "speech", "proxy_for": {}}],
 "notes": []}
"""


def test_what_was_stored_before_there_was_a_quality_can_be_read():
    stored = Acoustics.model_validate_json(STORED_BEFORE_QUALITY)
    (channel,), (segment,), (model,) = stored.channels, stored.timeline, stored.models
    assert (channel.speech, channel.loudness_dbfs, channel.quality) == (None, None, None)
    assert (segment.abstained, segment.prediction_set) == (None, None)
    assert (model.front_end_sha256, model.coverage, stored.audio.sha256) == (None, None, None)
