"""How a text reads."""

from pydantic import BaseModel, Field

from service.schemas.common import Echo, Prediction, TextEmotion
from service.schemas.words import TextModelVersion


class TextReading(BaseModel):
    """How a piece of text reads."""

    sentiment: Prediction
    emotion: TextEmotion
    windows: int = Field(
        ge=1,
        description="In how many stretches it was read: a text that is longer than the model takes is read in several "
        "that overlap, and the scores are their mean, weighted by their length.",
    )


class TextSpan(BaseModel):
    start: int = Field(ge=0, description="Offset of the first character in the text, counted in Unicode code points.")
    end: int = Field(ge=0, description="Offset after the last character.")
    text: str


class Sentence(TextReading, TextSpan):
    """A sentence, read on its own."""


class TextResult(TextReading):
    """A text, read as a whole."""

    sentences: list[Sentence] = Field(description="In their order; only white space lies between them.")


class TextAnalysis(Echo):
    """The sentiment and the emotion of each text and each of its sentences."""

    models: list[TextModelVersion]
    results: list[TextResult] = Field(description="In the order of the texts.")
