"""What rules can look at, as names: numbers about the call and about each side of it.

``customer.*`` and ``agent.*`` are of the one side with that role; where two have it, or nobody has, they are not known.
Nor is what needs a transcript where there is none, and what needs the emotions of a voice that is withheld. The
emotions of a voice have the nouns that those of texts have: ``joy`` is the model's ``happy``, ``sadness`` its ``sad``,
``anger`` its ``angry``, ``fear`` its ``fearful``, ``surprise`` its ``surprised``. Segments that the
model abstains from are left out, unless it does from all.
"""

from collections.abc import Mapping
from typing import Final

from service.emotions import SENTIMENTS

EMOTIONS: Final[Mapping[str, str]] = {
    "neutral": "neutral",
    "calm": "calm",
    "joy": "happy",
    "sadness": "sad",
    "anger": "angry",
    "fear": "fearful",
    "disgust": "disgust",
    "surprise": "surprised",
}

QUARTERS: Final[Mapping[str, str]] = {
    "": "",
    "_first_quarter": ", in the first quarter of the call",
    "_last_quarter": ", in the last quarter of the call",
}

_SIDE: Final[Mapping[str, str]] = {
    "talk_seconds": "How long it talks",
    "talk_share": "Its share of the talk of all sides, 0 to 1",
    "turns": "How often it takes a turn",
    "words_per_minute": "How fast it talks",
    "interruptions": "How often it interrupts",
    "longest_monologue_seconds": "Its longest turn",
    "response_latency_seconds": "Median of its pauses before an answer",
    "masked_negative": "How many of its utterances are `masked_negative`",
    "possible_sarcasm": "How many of its utterances are `possible_sarcasm`",
    "voice_valence_change": "Change of the voice's valence from the first quarter that is known to the last, -2 to 2",
    "text_valence_change": "The same of the words",
} | {
    name + quarter: description + when
    for name, description in (
        ("voice_valence", "Pleasant less unpleasant emotions of the voice, -1 to 1"),
        ("text_valence", "Positive less negative sentiment of the words, -1 to 1"),
        *((emotion, f"Probability of `{label}` in the voice, 0 to 1") for emotion, label in EMOTIONS.items()),
        *((f"{label}_words", f"Probability that the words are {label}, 0 to 1") for label in SENTIMENTS),
    )
    for quarter, when in QUARTERS.items()
}

_CALL: Final[Mapping[str, str]] = {
    "duration_seconds": "How long the recording is",
    "talk_seconds": "How long anybody talks",
    "non_talk_seconds": "Silences of three seconds and more, together",
    "longest_silence_seconds": "The longest of them, 0 where there is none",
    "overlap_seconds": "How long two talk at once",
    "interruptions": "How often one interrupts another",
    "masked_negative": "How many utterances are `masked_negative`",
    "possible_sarcasm": "How many utterances are `possible_sarcasm`",
    "voice_valence": "Pleasant less unpleasant emotions of the voice, -1 to 1; the customer's where it is known who "
    "that is, as are the next two",
    "text_valence": "Positive less negative sentiment of the words, -1 to 1",
    "valence": "Voice and words together, -1 to 1",
}

MEASURES: Final[Mapping[str, str]] = {
    **{f"{side}.{name}": description for side in ("customer", "agent") for name, description in _SIDE.items()},
    **{f"call.{name}": description for name, description in _CALL.items()},
}
"""Every measure and what it is."""
