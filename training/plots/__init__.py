"""The pictures of cards and reports: each function draws from plain data, writes a PNG and returns the figure."""

from training.plots.confusion import confusion_picture
from training.plots.curves import curves_picture
from training.plots.forest import forest_picture
from training.plots.network import network_picture
from training.plots.reliability import reliability_picture
from training.plots.sound import Sound, changes_picture, features_picture

__all__ = [
    "Sound",
    "changes_picture",
    "confusion_picture",
    "curves_picture",
    "features_picture",
    "forest_picture",
    "network_picture",
    "reliability_picture",
]
