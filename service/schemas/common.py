"""What more than one answer is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Score = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0)]


class Span(BaseModel):
    start_ms: Milliseconds
    end_ms: Milliseconds


class Prediction(BaseModel):
    """A distribution over labels and its mode."""

    label: str
    confidence: Score = Field(description="The score of `label`.")
    scores: dict[str, Score] = Field(description="A calibrated probability for each label; they sum to 1.")


class TextEmotion(Prediction):
    """Of Ekman's six emotions and neutral, as words have them."""

    fine_label: str = Field(
        description="The likeliest of the model's own, finer labels among those that `label` stands for."
    )


class ModelVersion(BaseModel):
    """Which weights gave a result."""

    name: str
    version: str
    sha256: str


class Echo(BaseModel):
    external_id: str | None = None
    metadata: dict[str, JsonValue] | None = None


class Consent(BaseModel):
    """What the people on a recording have agreed to."""

    model_config = ConfigDict(extra="forbid")

    emotion_analysis: bool = Field(
        description="Whether emotions may be read. Without it those of the voice are `withheld` on every channel, and "
        "the words are transcribed but not read; how the call went is told all the same."
    )
