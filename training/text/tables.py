"""The results of an evaluation (:mod:`training.text.evaluation`) as Markdown, for the model card."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from training.text.markdown import table
from training.text.metrics import BINS, RESAMPLES

_TITLES: Final = {"sentiment": "sentiment", "emotion": "emotion (7)", "fine_emotion": "emotion (28)"}
_FIGURES: Final = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "calibration_error": "ECE",
    "neutral": "neutral",
}
_WIDEST_CONFUSION: Final = 7
_CONFUSIONS: Final = 15


def tables(results: Mapping[str, Any]) -> str:
    """Sections at the third level: figures, classes and calibration of each test part, and what comes out neutral."""
    parts = results["parts"]
    sections = [
        "### Figures",
        f"Brackets hold 95 % bootstrap intervals over the texts ({RESAMPLES} resamples). ECE is the expected "
        f"calibration error over {BINS} bins; *neutral* is the share of texts that are called so, beside that of those "
        "that are. VADER (Hutto & Gilbert 2014) is read at its authors' ±0.05; *majority* gives every text the "
        "commonest label of the training part.",
        "*Several labels* is the protocol of GoEmotions' authors: a text is given every label whose probability passes "
        "one threshold, which was chosen for macro F1 on the dev part; its accuracy asks for just the right set. *One "
        "label* is about the texts that have just one, and the likeliest is the answer.",
        *(
            ["*Less fp32* is what the shipped model has more than the same in fp32, text by text."]
            if "fp32" in results["models"]
            else []
        ),
        *(["**Seen**: the model was trained on this corpus, so it is no unseen test."] if _any_seen(parts) else []),
        table(
            ("test part", "texts", "neutral ones", "reader", *_FIGURES.values()),
            (row for part in parts for row in _readers(part)),
        ),
        "### By class",
        *(line for part in parts for line in _classes(part)),
        "### Calibration",
        *(line for part in parts if "reliability" in part for line in _reliability(part)),
        "### How much comes out neutral",
        "Of the test parts it stands above, in the last column. RAVDESS' two sentences, which its actors say in every "
        "emotion:",
        _statements(results["neutral"]["statements"]),
        *(_calls(results["neutral"]["calls"]) if "calls" in results["neutral"] else []),
        "### How it was evaluated",
        table(
            ("what", "value"),
            (
                *((f"{name}, sha256", f"`{sha256}`") for name, sha256 in results["models"].items()),
                ("commit", f"`{results['commit']}`"),
                ("data fingerprint", f"`{results['data_fingerprint']}`"),
                *results["libraries"].items(),
            ),
        ),
    ]
    return "\n\n".join(sections)


def _any_seen(parts: Iterable[Mapping[str, Any]]) -> bool:
    return any(part["seen"] for part in parts)


def _title(part: Mapping[str, Any]) -> str:
    protocol = "" if part["task"] == "sentiment" else f", {part['protocol']}"
    return f"{part['corpus']} {_TITLES[part['task']]}{protocol}" + (" (**seen**)" if part["seen"] else "")


def _readers(part: Mapping[str, Any]) -> Iterable[tuple[object, ...]]:
    about = (_title(part), f"{part['texts']:,}", _percent(part["neutral"]))
    for name, figures in part["readers"].items():
        reader = f"**{name}**" if about[0] else name
        if "threshold" in figures:
            reader += f" (from {figures['threshold']:.2f})"
        if "label" in figures:
            reader += f" ({figures['label']})"
        yield *about, reader, *_row(figures)
        about = ("", "", "")
        if name == "fp32":
            yield *about, "less fp32", *_row(part["difference"], sign="+")


def _row(figures: Mapping[str, Any], sign: str = "") -> list[str]:
    return [_interval(figures[key], sign) if key in figures else "" for key in _FIGURES]


def _classes(part: Mapping[str, Any]) -> Iterable[str]:
    labels = list(part["classes"])
    confusion = part.get("confusion", [])
    narrow = bool(confusion) and len(labels) <= _WIDEST_CONFUSION
    yield f"**{_title(part)}**" + (
        ": the last columns count the texts by the label that they were given" if narrow else ""
    )
    yield table(
        ("class", "texts", "recall", "precision", *(f"as {label}" for label in labels if narrow)),
        (
            (label, f"{found['texts']:,}", _interval(found["recall"]), _interval(found["precision"]))
            + (tuple(confusion[row]) if narrow else ())
            for row, (label, found) in enumerate(part["classes"].items())
        ),
    )
    if confusion and not narrow:
        yield f"The {_CONFUSIONS} commonest confusions (the whole matrix is in `card.json`): " + ", ".join(
            f"{true} as {given} {texts}" for texts, true, given in _commonest(labels, confusion)
        )


def _commonest(labels: Sequence[str], confusion: Sequence[Sequence[int]]) -> list[tuple[int, str, str]]:
    wrong = [
        (texts, true, given)
        for true, row in zip(labels, confusion, strict=True)
        for given, texts in zip(labels, row, strict=True)
        if true != given
    ]
    return sorted(wrong, key=lambda cell: -cell[0])[:_CONFUSIONS]


def _reliability(part: Mapping[str, Any]) -> Iterable[str]:
    bins = part["reliability"]
    yield f"**{_title(part)}**"
    yield table(
        ("confidence", *("{:.2f} to {:.2f}".format(*found["bounds"]) for found in bins)),
        (
            ("texts", *(f"{found['texts']:,}" for found in bins)),
            ("mean confidence", *(f"{found['confidence']:.3f}" for found in bins)),
            ("accuracy", *(f"{found['accuracy']:.3f}" for found in bins)),
        ),
    )


def _statements(statements: Sequence[Mapping[str, Any]]) -> str:
    told = [task for task in _TITLES if task in statements[0]]
    return table(
        ("sentence", *(_TITLES[task] for task in told), "VADER"),
        (
            (found["text"], *("{label} ({confidence:.3f})".format(**found[task]) for task in told), found["VADER"])
            for found in statements
        ),
    )


def _calls(calls: Mapping[str, Any]) -> Iterable[str]:
    recogniser = calls["recogniser"]
    yield (
        f"Recorded calls, in the words that {recogniser['model']} heard ({recogniser['program']}, sha256 "
        f"`{recogniser['sha256']}`). Shares of their utterances and sentences by the label that they were given:"
    )
    rows = [
        (name, kind, shares)
        for kind in ("utterances", "sentences")
        for name, shares in (*calls[kind]["by_call"].items(), ("**all**", calls[kind]["all"]))
    ]
    for readers in (("sentiment", "VADER"), ("emotion",)):
        told = [reader for reader in readers if reader in calls["utterances"]["all"]]
        labels = [f"{label} ({reader})" for reader in told for label in calls["utterances"]["all"][reader]]
        yield table(
            ("call", "texts", *labels),
            (
                (name, f"{shares['texts']} {kind}", *(_percent(share) for of in told for share in shares[of].values()))
                for name, kind, shares in rows
            ),
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(figure: Mapping[str, Any], sign: str = "") -> str:
    low, high = figure["interval_95"]
    return f"{figure['value']:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
