"""What a model has to beat."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# Of the compound score, as VADER's authors advise.
_THRESHOLD: Final = 0.05


def majority(labels: Iterable[str]) -> str:
    """The commonest of ``labels``."""
    return Counter(labels).most_common(1)[0][0]


class Vader:
    """Sentiment by a lexicon and rules made for social media (Hutto & Gilbert 2014)."""

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()

    def sentiment(self, text: str) -> str:
        """One of :data:`service.emotions.SENTIMENTS`."""
        compound: float = self._analyzer.polarity_scores(text)["compound"]
        if compound >= _THRESHOLD:
            return "positive"
        return "negative" if compound <= -_THRESHOLD else "neutral"
