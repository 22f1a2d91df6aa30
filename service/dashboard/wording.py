"""What the pages say: times, states and reasons in words that help."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from service.dashboard.client import Json, RefusedError, ServiceError, UnreachableError

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
# What Markdown on GitHub's lines makes links of without being told; an invisible word joiner stops it.
_LINK: Final = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_JOINER: Final = "\u2060"

_LONGEST: Final = 120

STEPS: Final[Mapping[str, str]] = {
    "fetch": "Fetching the recording",
    "acoustics": "Listening to the voices",
    "transcription": "Writing down the words",
    "text": "Reading the words",
    "combine": "Comparing voice and words",
    "done": "Done",
}
ABSTAINED: Final[Mapping[str, str]] = {
    "too_short": "less than half a second of sound",
    "low_snr": "too much noise",
    "clipped": "cut off at the loudest",
    "narrow_band": "a line that ends below 3 kHz",
    "not_speech": "little speech in it",
    "too_uncertain": "too many emotions are as likely",
}
AGREEMENT: Final[Mapping[str, tuple[str, str]]] = {
    "aligned": ("✓", "voice and words agree"),
    "masked_negative": ("▲", "the voice is worse than the words"),
    "possible_sarcasm": ("≠", "voice and words contradict each other: possibly sarcasm"),
    "voice_only": ("○", "only the voice is known"),
    "text_only": ("○", "only the words are known"),
}
CHANNEL_STATUS: Final[Mapping[str, str]] = {
    "analyzed": "analysed",
    "withheld": "the voice is not analysed",
    "no_speech": "nobody speaks",
}
MOMENTS: Final[Mapping[str, str]] = {
    "negative_voice": "unpleasant voice",
    "negative_words": "unpleasant words",
    "disagreement": "voice and words part",
}


def plain(text: object) -> str:
    """``text`` as Markdown that shows it as it is: no link, picture, colour or formula comes of it."""
    return _PUNCTUATION.sub(r"\\\1", _LINK.sub(_JOINER, " ".join(str(text).split())))


def clock(milliseconds: float) -> str:
    """A time in a call: 3:05, or 1:03:05."""
    minutes, seconds = divmod(int(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"


def moment(iso: str) -> str:
    """A time of the service: 23 Nov 2026, 09:22 UTC."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def words(label: str) -> str:
    """A label of the API for people."""
    return label.replace("_", " ")


def call_name(summary: Json) -> str:
    return str(summary.get("external_id") or f"Call of {moment(summary['created_at'])}")


def speaker(side: Json) -> str:
    """Who speaks: the role, or the provider's label where the role is not known."""
    if side["role"] != "unknown":
        return str(side["role"])
    return f"speaker {side['speaker']}" if side.get("speaker") else "speaker unknown"


def channel_name(side: Json) -> str:
    """A channel, or anything that has one and a role: `1 · customer`."""
    return f"{side['channel']} · {speaker(side)}" if side.get("channel") else speaker(side)


def sounded(prediction: Json | None) -> str:
    """An emotion and how sure of it: `angry 51 %`."""
    return f"{prediction['label']} {percent(prediction['confidence'])}" if prediction else "–"


def is_relied_on(segment: Json) -> bool:
    return segment.get("abstained") is None


def doubt(segment: Json) -> str:
    """Why ``segment`` is better not relied on."""
    return ABSTAINED.get(segment["abstained"], words(segment["abstained"]))


def advice(error: ServiceError) -> tuple[str, str]:
    """What went wrong, and what to do, as Markdown."""
    if isinstance(error, UnreachableError):
        return (
            f"{plain(error)}",
            "Start it with `make run`, or name the right address in `V2V_DASHBOARD_URL` and start the dashboard again.",
        )
    if not isinstance(error, RefusedError):
        return plain(error), ""
    return f"{plain(error.title)}.", _ADVICE.get(error.type, "") or plain(error.detail) + _again(error)


def _again(error: RefusedError) -> str:
    return f" Try again in {plain(error.retry_after)} seconds." if error.retry_after else ""


_ADVICE: Final[Mapping[str, str]] = {
    "unauthorized": "Give one that this service knows; one that it knew may have expired or been revoked.",
    "unknown-analysis": "The link may be wrong, it may belong to somebody else's key, or it was erased long ago.",
    "erased-analysis": "Somebody asked for it, or the time is over for which analyses are kept "
    "(`V2V_RESULT_RETENTION_DAYS` of the service). Nothing of it is left; upload the recording again if you need it.",
}


def transcript_note(transcript: Json) -> str:
    """Why there are no words, or none yet."""
    reason = plain(transcript["reason"]) if transcript.get("reason") else ""
    return {
        "none": f"No transcript was made. {reason} The voices are analysed without it.",
        "pending": "The words are on their way. What the voices say is here already.",
        "unavailable": f"The words could not be had yet. {reason} What the voices say is complete.",
        "failed": f"The words will not come. {reason} What the voices say is complete.",
    }.get(transcript["status"], reason)


def of_channel(items: list[Any] | None, channel: int) -> list[Any]:
    return [item for item in items or [] if item["channel"] == channel]
