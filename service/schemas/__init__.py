"""What is answered, as it goes over the wire.

Times are milliseconds from the start of the recording, labels are lower case. Scores lie in 0..1 and are
rounded to four decimals by the largest-remainder method, so that they still sum to 1.
"""

from service.schemas.acoustics import Acoustics, AudioFacts, Channel, EmotionModelVersion, Quality, Segment, Stretch
from service.schemas.analyses import (
    Analysis,
    AnalysisList,
    CallbackData,
    CallbackList,
    CallbackMessage,
    CallbackState,
    DeliveryAttempt,
    ErasureList,
    ErasureReceipt,
    Progress,
    Summary,
)
from service.schemas.common import Consent, Echo, Milliseconds, ModelVersion, Prediction, Score, Span, TextEmotion
from service.schemas.models import Health, ModelCard, ModelList, ModelState, ModelSummary
from service.schemas.problems import FieldError, ProblemDocument, ProblemType, ProblemTypeList
from service.schemas.texts import Sentence, TextAnalysis, TextReading, TextResult, TextSpan
from service.schemas.words import SpokenWord, TextModelVersion, Transcript, Utterance, Words

__all__ = [
    "Acoustics",
    "Analysis",
    "AnalysisList",
    "AudioFacts",
    "CallbackData",
    "CallbackList",
    "CallbackMessage",
    "CallbackState",
    "Channel",
    "Consent",
    "DeliveryAttempt",
    "Echo",
    "EmotionModelVersion",
    "ErasureList",
    "ErasureReceipt",
    "FieldError",
    "Health",
    "Milliseconds",
    "ModelCard",
    "ModelList",
    "ModelState",
    "ModelSummary",
    "ModelVersion",
    "Prediction",
    "ProblemDocument",
    "ProblemType",
    "ProblemTypeList",
    "Progress",
    "Quality",
    "Score",
    "Segment",
    "Sentence",
    "Span",
    "SpokenWord",
    "Stretch",
    "Summary",
    "TextAnalysis",
    "TextEmotion",
    "TextModelVersion",
    "TextReading",
    "TextResult",
    "TextSpan",
    "Transcript",
    "Utterance",
    "Words",
]
