"""The labels of every model, as pure data.

Speech emotion uses the eight categories of RAVDESS (Livingstone & Russo 2018); vocal bursts use five of the
thirty categories of EmoGator (Buhl 2023). Together they are the paper's 13 emotions. The emotions of texts are
Ekman's six and neutral, as in MELD, into which the authors of GoEmotions (Demszky et al. 2020) group their own 28.
"""

from collections.abc import Mapping
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

# Pleasant, unpleasant or neither. One may be surprised by either, and calm is hardly told from neutral.
SPEECH_VALENCE: Final[Mapping[str, int]] = {
    "neutral": 0,
    "calm": 0,
    "happy": 1,
    "sad": -1,
    "angry": -1,
    "fearful": -1,
    "disgust": -1,
    "surprised": 0,
}

VOCAL_BURST_EMOTIONS: Final = ("confusion", "nervousness", "guilt", "pride", "shame")

SENTIMENTS: Final = ("negative", "neutral", "positive")

SENTIMENT_VALENCE: Final[Mapping[str, int]] = {"negative": -1, "neutral": 0, "positive": 1}

# What a voice weighs beside its words where the valence of both is one number; the words weigh the rest of 1.
VOICE_WEIGHT: Final = 1 / 3

TEXT_EMOTIONS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")

# Each label of GoEmotions, in its authors' order -> the one of TEXT_EMOTIONS that they put it under.
GOEMOTIONS: Final[Mapping[str, str]] = {
    "admiration": "joy",
    "amusement": "joy",
    "anger": "anger",
    "annoyance": "anger",
    "approval": "joy",
    "caring": "joy",
    "confusion": "surprise",
    "curiosity": "surprise",
    "desire": "joy",
    "disappointment": "sadness",
    "disapproval": "anger",
    "disgust": "disgust",
    "embarrassment": "sadness",
    "excitement": "joy",
    "fear": "fear",
    "gratitude": "joy",
    "grief": "sadness",
    "joy": "joy",
    "love": "joy",
    "nervousness": "fear",
    "optimism": "joy",
    "pride": "joy",
    "realization": "surprise",
    "relief": "joy",
    "remorse": "sadness",
    "sadness": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}

# EmoGator has no "nervousness"; its category Distress stands in, and every answer about it says so.
PROXIES: Final = {"nervousness": "Distress"}
