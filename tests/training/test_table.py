"""``training table``: rehearsed from clips to a report and to a served model; then what the report says of results."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from service.inference.acoustic import EmotionModel
from service.inference.artefacts import Artefact
from training import REPORTS
from training.__main__ import main
from training.configuration import SHIPPED, shipped
from training.datasets.ravdess import expected_keys
from training.models import check_options
from training.table.page import page
from training.table.quick import smaller
from training.table.rows import ABLATIONS, BEYOND, COMPARISONS, ROWS

# Every model, feature, optimiser and comparison, on one corpus or the other.
REHEARSED = (
    *("ravdess_rf_mfcc", "ravdess_rf_mfcc_smote", "ravdess_cnn1d_zcr", "ravdess_cnn2d_mfcc"),
    *("ravdess_cnn2d_mfcc_rmsprop", "ravdess_cnn_bilstm_combined"),
    *("emogator_rf_combined", "emogator_cnn1d_mel", "emogator_cnn2d_chroma"),
)


@pytest.fixture(scope="module")
def data(tiny_emogator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the names of RAVDESS, each emotion a pitch of its own, beside a tiny EmoGator."""
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(tiny_emogator, folder / "emogator")
    time = np.arange(4800) / 16_000
    for number, key in enumerate(expected_keys()):
        emotion, actor = int(key[6:8]), key[-2:]
        rng = np.random.default_rng(number)
        pitch = 100 * 1.3**emotion * rng.uniform(0.97, 1.03)
        samples = np.sin(2 * np.pi * pitch * time) + 0.05 * rng.standard_normal(len(time))
        path = folder / "ravdess" / f"Actor_{actor}" / f"{key}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, 16_000, (samples * 8000).astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def written(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the rehearsal leaves behind."""
    out = tmp_path_factory.mktemp("table")
    folders = ["--runs", str(out / "runs"), "--results", str(out / "results"), "--models", str(out / "models")]
    command = ["table", "--quick", "--ship", "--data", str(data), "--out", str(out), "--workers", "2", *folders]
    assert main([*command, "--rows", *REHEARSED]) == 0
    return out


def test_every_row_of_the_rehearsal_is_in_the_report(written: Path) -> None:
    document = json.loads((written / "table.json").read_text())
    rows = {row["name"]: row for row in document["rows"]}
    compared = {other.name for other in COMPARISONS}
    assert set(rows) == set(REHEARSED) - compared
    assert set(document["missing"]) == {row.name for row in ROWS} - set(rows)
    for row in rows.values():
        assert set(row["protocols"]) == {"paper", "speaker-independent"}
        for bands in row["protocols"].values():
            for figures in bands.values():
                low, high = figures["accuracy_interval"]
                assert low <= figures["accuracy"] <= high
                assert figures["folds"] == 1
        assert row["onnx_difference"] < 1e-4
        assert min(row["parameters"], row["onnx_bytes"], row["latency_ms"], row["cpu_minutes"] + 0.01) > 0
    assert len(document["comparisons"]) == 2
    for comparison in document["comparisons"]:
        before, after = (side["protocols"] for side in comparison["sides"])
        for protocol, bands in comparison["gains"].items():
            for band, found in bands.items():
                accuracies = [side[protocol][band]["accuracy"] for side in (before, after)]
                assert found["gain"] == pytest.approx(accuracies[1] - accuracies[0], abs=2e-4)
                low, high = found["gain_interval"]
                assert low <= found["gain"] <= high


def test_report_is_made_of_the_results_alone(written: Path, tmp_path: Path) -> None:
    assert main(["table", "--report", "--results", str(written / "results"), "--out", str(tmp_path)]) == 0
    for name in ("table.json", "table.md"):
        assert (tmp_path / name).read_text() == (written / name).read_text()
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(
        path.name for path in (written / "pictures").iterdir()
    )


def test_second_run_does_nothing_again(written: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (written / "results").rglob("*.json")}
    assert len(before) == 2 * len(REHEARSED)
    folders = ["--runs", str(written / "runs"), "--results", str(written / "results")]
    command = ["table", "--quick", "--data", str(data), "--out", str(written), *folders]
    assert main([*command, "--rows", *REHEARSED]) == 0
    assert {path: path.stat().st_mtime_ns for path in (written / "results").rglob("*.json")} == before
    assert f"{len(before)} of {len(before)} runs are done already" in capsys.readouterr().out


@pytest.mark.parametrize("name", REHEARSED)
def test_every_row_is_served_by_its_name(written: Path, name: str) -> None:
    model = EmotionModel(Artefact.load(written / "models" / name))
    scores = model.scores(np.random.default_rng(0).uniform(-1, 1, (2, 48_000)).astype(np.float32))
    assert scores.shape == (2, len(model.labels))
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_table_is_a_list_of_configurations() -> None:
    rows, compared = [*ROWS, *BEYOND], [*COMPARISONS, *ABLATIONS]
    named = [each.name for each in (*rows, *compared)]
    assert len(set(named)) == len(named)
    assert {*named, "speech_emotion", "vocal_burst"} == {file.stem for file in SHIPPED.glob("*.toml")}
    assert {other.row for other in compared} <= set(named)


@pytest.mark.parametrize("name", [row.name for row in BEYOND])
def test_what_goes_beyond_the_paper_can_be_rehearsed_without_what_it_starts_from(name: str) -> None:
    rehearsed = smaller(shipped(name))
    check_options(rehearsed.model, rehearsed.network)
    assert (rehearsed.start, rehearsed.teacher, rehearsed.epochs) == ("", "", 1)


def test_row_below_the_papers_figure_says_by_how_much(written: Path) -> None:
    document: dict[str, Any] = json.loads((written / "table.json").read_text())
    row = next(row for row in document["rows"] if row["name"] == "ravdess_cnn2d_mfcc")
    figures = row["protocols"]["paper"]["wideband"]
    figures.update(accuracy=0.7, accuracy_interval=[0.66, 0.74])
    assert "2D-CNN on MFCC: **2.1 points short of** the paper's 72.1 %, which lies within" in page(document)
    figures.update(accuracy=0.75, accuracy_interval=[0.72, 0.78])
    assert "2D-CNN on MFCC: 2.9 points above the paper's 72.1 %." in page(document)


def test_change_stands_in_bold_where_it_is_not_chance(written: Path) -> None:
    document: dict[str, Any] = json.loads((written / "table.json").read_text())
    found = document["comparisons"][0]["gains"]["paper"]["wideband"]
    found.update(gain=0.031, gain_interval=[-0.005, 0.067])
    assert " %: +3.1 (-0.5 to +6.7) |" in page(document)
    found.update(gain_interval=[0.005, 0.067])
    assert " %: **+3.1** (+0.5 to +6.7) |" in page(document)


def test_training_without_data_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--data is needed"):
        main(["table", "--out", str(tmp_path), "--results", str(tmp_path)])


def test_the_published_table_is_that_of_the_published_results(tmp_path: Path) -> None:
    assert main(["table", "--report", "--out", str(tmp_path)]) == 0
    for name in ("table.json", "table.md"):
        assert (tmp_path / name).read_text() == (REPORTS / name).read_text()
