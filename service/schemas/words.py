"""What was said."""

from typing import Any

from pydantic import BaseModel, Field, model_validator

from service.analyses.acoustic import Role
from service.analyses.states import WordsStatus
from service.schemas.common import Milliseconds, ModelVersion, Prediction, Score, TextEmotion
from service.schemas.conversation import Comparison


class TextModelVersion(ModelVersion):
    heads: list[str] = Field(description="What it tells: `sentiment`, `emotion` or both.")


class SpokenWord(BaseModel):
    start_ms: Milliseconds
    end_ms: Milliseconds
    text: str
    confidence: Score


class Utterance(BaseModel):
    """What one speaker says at a stretch: what the words say beside how the voice sounds."""

    start_ms: Milliseconds
    end_ms: Milliseconds
    channel: int | None = Field(description="Where the channels hold one speaker each.")
    role: Role
    speaker: str | None = Field(description="The provider's label, where it told the voices of one channel apart.")
    text: str
    confidence: Score = Field(description="The provider's, in the words.")
    words: list[SpokenWord]
    sentiment: Prediction | None = Field(description="Of the words; missing where their language is not English.")
    emotion: TextEmotion | None = Field(description="Of the words too.")
    voice: Prediction | None = Field(
        description="Mean of the speech segments meanwhile that nothing in `abstained` speaks against, weighted by the "
        "overlap; missing where there are none. Where voices share a channel, a segment is the speaker's who speaks in "
        "most of it."
    )
    comparison: Comparison | None = Field(
        default=None, description="Of voice and words; missing where neither is known, and in older analyses."
    )


class Words(BaseModel):
    """What was said."""

    model: str = Field(description="The provider's speech recognition model.")
    language: str | None = Field(description="The provider's code, such as `en_us`.")
    text: str
    sentiment: Prediction | None = Field(description="Mean of the utterances, weighted by their length.")
    text_models: list[TextModelVersion] = Field(description="What read the words; nothing where nobody did.")
    utterances: list[Utterance]

    @model_validator(mode="before")
    @classmethod
    def _before_emotions(cls, data: Any) -> Any:
        """What was stored when there was a sentiment and no emotion."""
        if isinstance(data, dict) and "sentiment_model" in data:
            model = data.pop("sentiment_model")
            data["text_models"] = [{**model, "heads": ["sentiment"]}] if model else []
            data["utterances"] = [{**utterance, "emotion": None} for utterance in data["utterances"]]
        return data


class Transcript(BaseModel):
    """The transcript, or why there is none."""

    status: WordsStatus = Field(
        description="`pending`: it comes. `unavailable`: the provider could not be used; the words are added if it "
        "can be while the recording is kept. `failed`: it will not come. `none`: it was not asked for, or nobody is "
        "there to make it."
    )
    reason: str | None = Field(description="Why the status is what it is.")
    provider: str | None
    words: Words | None
