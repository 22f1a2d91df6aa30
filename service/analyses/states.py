"""The states of an analysis and of what belongs to it."""

from enum import StrEnum


class Status(StrEnum):
    """How far an analysis has come. ``completed`` is all that can be had now; the words may still be added later."""

    queued = "queued"
    processing = "processing"
    completed = "completed"
    failed = "failed"


class Step(StrEnum):
    """The steps in their order. A row names the next one; ``done`` is none."""

    fetch = "fetch"
    acoustics = "acoustics"
    transcription = "transcription"
    text = "text"
    combine = "combine"
    done = "done"


class WordsStatus(StrEnum):
    """What became of the transcript."""

    none = "none"
    pending = "pending"
    completed = "completed"
    unavailable = "unavailable"
    failed = "failed"


class Event(StrEnum):
    """What a callback tells."""

    acoustics_ready = "analysis.acoustics_ready"
    completed = "analysis.completed"
    failed = "analysis.failed"


class CallbackStatus(StrEnum):
    pending = "pending"
    delivered = "delivered"
    failed = "failed"


class ErasureReason(StrEnum):
    request = "request"
    retention = "retention"


class Resource(StrEnum):
    """What is counted of an API key."""

    requests = "requests"
    audio = "audio"
