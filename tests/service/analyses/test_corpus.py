"""The served path hears what the models were trained to hear: same front end, same labels in the same order."""

import numpy as np

from service.analyses.acoustic import Role, analyze
from service.audio.decode import Limits, decode
from service.emotions import SPEECH_EMOTIONS


def test_clips_that_the_model_was_trained_on_are_recognised(shared, models):
    """No measure of quality, which is on the card; chance is one in eight."""
    right = []
    for path in sorted((shared / "data/ravdess/Actor_11").glob("*.flac"))[::2]:
        with path.open("rb") as file:
            answer = analyze(decode(file, Limits(10, 1)), [Role.customer], models, agent_emotions=False)
        overall = answer.channels[0].overall
        if overall is not None:
            right.append(overall.label == SPEECH_EMOTIONS[int(path.name[6:8]) - 1])
    assert len(right) >= 25
    assert np.mean(right) > 0.6
