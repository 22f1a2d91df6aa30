"""An analysis to take away: JSON as the service answered it, CSV for a spreadsheet, one page for people."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.dashboard import palette, wording
from service.dashboard.client import Json

_COLUMNS: Final = (
    *("kind", "start_ms", "end_ms", "channel", "role", "speaker", "source", "label", "confidence", "abstained"),
    *("sentiment", "voice", "agreement", "valence", "text"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_PICTURE_WIDTH: Final = 1000

_PAGES: Final = Environment(
    loader=PackageLoader("service.dashboard", "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_PAGES.filters |= {
    "clock": wording.clock,
    "percent": wording.percent,
    "sounded": wording.sounded,
    "words": wording.words,
    "moment": wording.moment,
    "side": wording.channel_name,
    "emotion_colour": palette.emotion,
}


def as_json(analysis: Json) -> str:
    return json.dumps(analysis, ensure_ascii=False, indent=2)


def as_csv(analysis: Json) -> str:
    """What was heard and what was said, a line each, by the time at which it begins.

    A text that a spreadsheet would take for a formula has an apostrophe before it (OWASP, "CSV Injection").
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, restval="")
    writer.writeheader()
    for line in sorted(_lines(analysis), key=lambda each: (each["start_ms"], each["kind"])):
        writer.writerow({name: _cell(value) for name, value in line.items()})
    return file.getvalue()


def _lines(analysis: Json) -> Iterator[Json]:
    for segment in analysis["timeline"] or ():
        yield {"kind": "voice"} | {name: segment[name] for name in _COLUMNS if name in segment}
    words = analysis["transcript"]["words"]
    for said in words["utterances"] if words else ():
        comparison = said.get("comparison") or {}
        yield {
            "kind": "words",
            **{name: said[name] for name in ("start_ms", "end_ms", "channel", "role", "speaker", "text")},
            "label": said["emotion"] and said["emotion"]["label"],
            "confidence": said["emotion"] and said["emotion"]["confidence"],
            "sentiment": said["sentiment"] and said["sentiment"]["label"],
            "voice": said["voice"] and said["voice"]["label"],
            "agreement": comparison.get("agreement"),
            "valence": comparison.get("valence"),
        }


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def as_report(analysis: Json) -> str:
    """One page of HTML that needs nothing else: no script, no font, nothing to fetch."""
    duration_ms = max(1, analysis["audio"]["duration_ms"])
    strips = [
        (
            channel,
            [
                {
                    "x": round(_PICTURE_WIDTH * segment["start_ms"] / duration_ms, 2),
                    "width": round(_PICTURE_WIDTH * (segment["end_ms"] - segment["start_ms"]) / duration_ms, 2),
                    "segment": segment,
                }
                for segment in wording.of_channel(analysis["timeline"], channel["channel"])
            ],
        )
        for channel in analysis["channels"]
    ]
    labels = {segment["label"] for segment in analysis["timeline"]}
    return _PAGES.get_template("report.html").render(
        analysis=analysis,
        name=wording.call_name(analysis),
        strips=strips,
        labels=[label for label in palette.EMOTIONS if label in labels],
        kinds=wording.MOMENTS,
        statuses=wording.CHANNEL_STATUS,
    )
