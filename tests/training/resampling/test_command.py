"""What ``training resampling`` writes, and what its page says of it."""

from argparse import ArgumentParser
from copy import deepcopy
from pathlib import Path
from shutil import copy

from training.resampling import add_arguments, page, run
from training.resampling.resamplers import BEST, RESAMPLERS

LINE = "linear interpolation"


def rows(text: str, heading: str) -> list[str]:
    """Of the first table behind a heading."""
    return text.split(f"## {heading}\n\n|")[1].split("\n\n")[0].splitlines()[2:]


def test_page_is_remade_of_the_figures_alone(written: Path, tmp_path: Path) -> None:
    copy(written / "resampling.json", tmp_path)
    parser = ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(["--report", "--out", str(tmp_path)]))
    assert (tmp_path / "resampling.md").read_bytes() == (written / "resampling.md").read_bytes()


def test_page_has_a_row_for_every_resampler_and_rate(document: dict) -> None:
    tones = rows(page(document), "What happens to tones")
    assert [tuple(row.split(" | ")[:2]) for row in tones] == [
        (f"| {rate} Hz", name) for rate in ("48,000", "44,100") for name in RESAMPLERS
    ]
    assert f"| 48,000 Hz | {LINE} | 0.0 dB | 0 dB | 0 dB |" in tones


def test_page_gives_costs_as_shares_of_the_best(document: dict) -> None:
    document = {**document, "cpu_seconds_a_minute": {BEST: 0.01, LINE: 0.025}}
    assert rows(page(document), "What a minute of sound costs") == [f"| {BEST} | 1.0 |", f"| {LINE} | 2.5 |"]


def test_page_tells_differences_from_chance(document: dict) -> None:
    assert "6 intervals there hold 0" not in page(document)
    alike = deepcopy(document)
    for table in ("trained_through_the_same", "trained_through_the_best"):
        for figures in alike[table].values():
            figures["gain"] = [0.002, -0.004, 0.008]
    text = page(alike)
    assert "| +0.2 points (-0.4 to +0.8) |" in text
    assert "All 6 intervals there hold 0: no difference that cannot be chance." in text
    alike["trained_through_the_same"][LINE]["gain"] = [-0.02, -0.03, -0.01]
    assert "Of its 6 intervals 1 do not hold 0" in page(alike)
