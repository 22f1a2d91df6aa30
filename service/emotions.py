"""The labels of every model, as pure data.

Speech emotion uses the eight categories of RAVDESS (Livingstone & Russo 2018); vocal bursts use five of the
thirty categories of EmoGator (Buhl 2023). Together they are the paper's 13 emotions.
"""

from typing import Final

SPEECH_EMOTIONS: Final = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)

VOCAL_BURST_EMOTIONS: Final = ("confusion", "nervousness", "guilt", "pride", "shame")

SENTIMENTS: Final = ("negative", "neutral", "positive")

# EmoGator has no "nervousness"; its category Distress stands in, and every answer about it says so.
PROXIES: Final = {"nervousness": "Distress"}
