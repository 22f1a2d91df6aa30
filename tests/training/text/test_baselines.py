import pytest

from training.text.baselines import Vader, majority


def test_the_majority_is_the_commonest_label():
    assert majority(["joy", "anger", "joy", "fear"]) == "joy"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this, thank you", "positive"),
        ("I want my money back, this is a disgrace", "negative"),
        ("The meeting is on Tuesday", "neutral"),
        ("", "neutral"),
        # Just beyond the authors' 0.05 and just within it.
        ("reaches", "positive"),
        ("matters", "neutral"),
        ("leave", "negative"),
        ("trivial", "neutral"),
    ],
)
def test_vader_says_what_its_authors_say(text, label):
    assert Vader().sentiment(text) == label
