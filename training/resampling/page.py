"""The figures of resampling for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from training.card import with_interval
from training.demonstration import Document, colophon
from training.resampling.resamplers import BEST
from training.resampling.sound import FAR, PASS_BAND
from training.text.markdown import table


def page(document: Document) -> str:
    """``resampling.json`` as Markdown."""
    same, best = document["trained_through_the_same"], document["trained_through_the_best"]
    rates = ", ".join(f"{count:,} at {int(rate):,} Hz" for rate, count in document["rates"].items())
    sections = [
        "# What resampling does",
        "Every model here hears 16 kHz, and most recordings come at another rate. Sound above 8 kHz does not fit; a "
        "resampler that lets it through folds it back as sound that was never there. Resamplers differ in how well "
        f"they keep it out, and in what they cost. **{BEST}** is the measure of the others; **FFmpeg, as the service** "
        "is how `service/audio/decode.py` resamples what is sent to it.",
        "## What happens to tones",
        table(
            ("from", "resampler", f"changed up to {PASS_BAND / 1000:g} kHz", *_bands()),
            _tones(document["tones"]),
        ),
        "The first column is the largest change of any tone that should pass, the others the loudest tone that came "
        "through though it should not, against what went in: at 0 dB all of it is heard, at another pitch. From "
        "48 kHz linear interpolation takes every third sample and changes nothing else; what it calls 7 kHz may have "
        "been 9 or 23.",
        "## What a minute of sound costs",
        table(("resampler", f"CPU time, {BEST} = 1"), _costs(document["cpu_seconds_a_minute"])),
        "From 48 kHz, medians of one run, in which all took turns.",
        "## What a model makes of it",
        f"{document['corpus']}: {rates}. The model is {document['model']} on statistics of MFCC, trained and tested "
        "through the same resampler. Five folds of speakers, the same for all, nobody on both sides; chance is "
        f"{100 / len(document['labels']):.1f} %.",
        table(("resampler", "accuracy", "UAR", f"accuracy against {BEST}"), _figures(same)),
        f"Now trained through {BEST} alone and tested through each, as when the service resamples in another way than "
        "training did:",
        table(("tested through", "accuracy", "UAR", f"accuracy against {BEST}"), _figures(best)),
        "Brackets hold 95 % intervals from a bootstrap over speakers. The last column compares answers on the same "
        "clips, and can tell smaller differences than the intervals of the figures. " + _verdict(same, best),
        "## How it was measured",
        "`python -m training resampling --data DIR` measures it and writes `resampling.json`, the levels of all tones "
        "included; with `--report` it writes this page of that file.",
        colophon(document),
    ]
    return "\n\n".join(sections) + "\n"


def _bands() -> tuple[str, str]:
    return f"loudest from 8 to {FAR / 1000:g} kHz", f"loudest above {FAR / 1000:g} kHz"


def _tones(tones: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for rate in next(iter(tones.values())):
        for name, levels in tones.items():
            folds_back = (f"{levels[rate][where]:z.0f} dB" for where in ("folds_back_near_db", "folds_back_far_db"))
            yield f"{int(rate):,} Hz", name, f"{levels[rate]['pass_band_db']:.1f} dB", *folds_back


def _costs(seconds: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for name, taken in seconds.items():
        yield name, f"{taken / seconds[BEST]:.1f}"


def _figures(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, own in figures.items():
        against = "–" if name == BEST else _points(own["gain"])
        yield name, with_interval(own, "accuracy"), with_interval(own, "uar"), against


def _points(gain: list[float]) -> str:
    value, low, high = (f"{100 * points:+.1f}" for points in gain)
    return f"{value} points ({low} to {high})"


def _verdict(*tables: Mapping[str, Any]) -> str:
    gains = [own["gain"] for figures in tables for name, own in figures.items() if name != BEST]
    certain = sum(low > 0 or high < 0 for _, low, high in gains)
    if not certain:
        return f"All {len(gains)} intervals there hold 0: no difference that cannot be chance."
    return f"Of its {len(gains)} intervals {certain} do not hold 0; the other differences may be chance."
