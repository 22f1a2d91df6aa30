"""From what each corpus of speech calls its emotions to :data:`service.emotions.SPEECH_EMOTIONS`.

All that these corpora portray has a place among the eight. Two are of different breadth: the surprise of TESS is a
pleasant one, that of the others any; and *calm* is RAVDESS's own: elsewhere a calm voice is called neutral. When a
model is tested on a corpus without calm, only the classes that both know are scored (:mod:`training.corpora`).

Acted corpora say what the actor was asked for (CREMA-D also has what listeners heard, which is not read); MELD says
what its annotators saw, heard and read.
"""

from collections.abc import Mapping
from typing import Final

from service.emotions import SPEECH_EMOTIONS

RAVDESS: Final = {f"{number:02}": emotion for number, emotion in enumerate(SPEECH_EMOTIONS, start=1)}

CREMA_D: Final = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}

TESS: Final = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}

SAVEE: Final = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}

MELD: Final = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}


def classes(mapping: Mapping[str, str]) -> tuple[str, ...]:
    """What ``mapping`` leads to, in the order of :data:`service.emotions.SPEECH_EMOTIONS`."""
    return tuple(emotion for emotion in SPEECH_EMOTIONS if emotion in mapping.values())
