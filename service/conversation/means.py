"""What several predictions come to."""

from collections.abc import Iterable

from service.conversation.spans import Interval, shared
from service.schemas import Prediction, Segment, Utterance
from service.scores import mean


def voice_in(span: Interval, heard: Iterable[Segment]) -> Prediction | None:
    """How a voice sounds in ``span``: the mean of its segments, weighted by how much of them lies in it."""
    weighted = [(segment, shared(Interval(segment.start_ms, segment.end_ms), [span])) for segment in heard]
    known = [(segment, weight) for segment, weight in weighted if weight > 0]
    return mean([segment for segment, _ in known], [weight for _, weight in known])


def sentiment_of(said: Iterable[Utterance]) -> Prediction | None:
    """How utterances read: the mean, weighted by their length."""
    known = [(utterance.sentiment, len(utterance.text)) for utterance in said if utterance.sentiment]
    return mean([sentiment for sentiment, _ in known], [weight for _, weight in known])
