"""Published classifiers that the service is known to work with, as their publishers describe them: pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a checkpoint.

    Attributes:
        artefact: what it is called in this service.
        seen: those of the corpora here that it was trained on, whose figures therefore say little.
    """

    artefact: str
    licence: str
    trained_on: str
    seen: tuple[str, ...]
    limit: str


DEFAULTS: Final[Mapping[str, str]] = {
    "emotion": "j-hartmann/emotion-english-distilroberta-base",
    "sentiment": "cardiffnlp/twitter-roberta-base-sentiment-latest",
}
"""The checkpoint that each head is adopted from where no other is named."""

KNOWN: Final[Mapping[str, Published]] = {
    "j-hartmann/emotion-english-distilroberta-base": Published(
        artefact="text_distilroberta_emotion",
        licence="Its publisher states none; distilroberta-base, which it is fine-tuned from, is Apache-2.0",
        trained_on="DistilRoBERTa, fine-tuned by its publisher on some 2,800 texts of each emotion from Crowdflower "
        "(2016), Emotion Dataset (Saravia et al. 2018), GoEmotions (Demszky et al. 2020), ISEAR, MELD (Poria et al. "
        "2019) and SemEval-2018 EI-reg. Which of their texts these are is not said.",
        seen=("MELD", "GoEmotions"),
        limit="MELD and GoEmotions are among its training data and no unseen tests for it: figures on any of their "
        "parts flatter it, and a temperature that is fitted on them may be too low.",
    ),
    "cardiffnlp/twitter-roberta-base-sentiment-latest": Published(
        artefact="text_roberta_sentiment",
        licence="CC-BY-4.0",
        trained_on="RoBERTa-base, trained further by its publisher on 124 million tweets from 2018 to 2021 (Loureiro "
        "et al. 2022) and fine-tuned on the sentiment part of TweetEval (Barbieri et al. 2020).",
        seen=(),
        limit="It is made for tweets in which @user stands for every name and http for every link; here texts are read "
        "as they are.",
    ),
}
