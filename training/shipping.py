"""The last step of an experiment: weights, card, picture and hashes as a folder that the service loads."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from service.emotions import PROXIES
from service.inference.artefacts import CARD_FILE, MODEL_FILE, write_sums
from training import card
from training.datasets import crema_d
from training.everything import run_on_everything
from training.experiment import PROTOCOLS, SHIPPED, Experiment, protocol_reports
from training.loaded import Loaded
from training.models import FOREST, TITLES, build, whisper
from training.plots import confusion_picture, forest_picture, network_picture

_PICTURE: Final = "network.png"
# What depends on the corpus, in words.
ABOUT: Final[dict[str, dict[str, str]]] = {
    "RAVDESS": {
        "task": "speech-emotion",
        "hears": "How a voice sounds while it speaks: eight emotions",
        "citation": "Livingstone & Russo 2018, doi:10.5281/zenodo.1188976",
        "licence": "CC BY-NC-SA 4.0",
        "licence_note": "RAVDESS allows no commercial use, and neither do weights trained on it; the code is "
        "Apache-2.0.",
        "speaker-independent": "{folds} of five folds of actors (those of Luna-Jiménez et al. 2022); no actor is heard "
        "both in training and in testing. This is what to expect for a caller nobody has heard before",
        "paper": "{folds} of five of the paper's random 80:20 splits: every test actor is in the training part "
        "too. It flatters, and stands here for comparison with the paper",
    },
    "EmoGator": {
        "task": "vocal-burst",
        "hears": "What a sigh, a groan or a laugh says where nothing is spoken: five emotions",
        "citation": "Buhl 2023, arXiv:2301.00508",
        "licence": "Apache-2.0",
        "licence_note": "EmoGator and the code are both Apache-2.0.",
        "speaker-independent": "{folds} of five folds of contributors; no contributor is heard both in training and in "
        "testing. This is what to expect for a caller nobody has heard before",
        "paper": "{folds} of five of the paper's random 80:20 splits: nearly every test contributor is in the "
        "training part too. It flatters, and stands here for comparison with the paper",
    },
}

_BESIDE: Final = {
    "CREMA-D": {"citation": "Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244", "licence": crema_d.LICENCE}
}


def ship(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """Train on all clips and export to ``folder`` with a card of the figures of the folds. Returns the card.

    Raises:
        NotExportedError: no fold has a result, or this training has not been done by TensorFlow.
        ExportError: ONNX and the trained model disagree.
    """
    model = run_on_everything(experiment)
    configuration, loaded = experiment.configuration, experiment.load()
    corpus, about = loaded.corpus, ABOUT[loaded.corpus.name]
    results = experiment.results_of(split for names in PROTOCOLS.values() for split in names)
    protocols = protocol_reports(results)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(experiment.onnx(SHIPPED), folder / MODEL_FILE)
    if configuration.model == FOREST:
        forest_picture(folder / MODEL_FILE, configuration.name, folder / _PICTURE)
    else:
        network = build(configuration.model, configuration.front_end.shape, len(corpus.labels), configuration.network)
        network_picture(network, configuration.name, folder / _PICTURE)
    what = " + ".join(card.FEATURES[feature] for feature in configuration.front_end.features)
    notes = {name: about[name].format(folds=bands["wideband"]["folds"]) for name, bands in protocols.items()}
    made: dict[str, Any] = {
        "name": configuration.name,
        "version": configuration.version,
        "task": about["task"],
        "description": f"{about['hears']}, from the {what} of up to three seconds.",
        "labels": corpus.labels,
        "proxies": {label: original for label, original in PROXIES.items() if label in corpus.labels},
        "licence": about["licence"],
        "licence_note": about["licence_note"],
        "architecture": {"kind": TITLES[configuration.model], "parameters": model.parameters, "picture": _PICTURE},
        "front_end": {
            "feature": what,
            "frames": configuration.front_end.frames,
            "columns": configuration.front_end.columns,
            **asdict(configuration.front_end),
        },
        "training_data": {
            "corpus": corpus.name,
            "citation": about["citation"],
            "licence": about["licence"],
            "clips": len(corpus.clips),
            "speakers": len(set(loaded.speakers)),
            "fingerprint": experiment.fingerprint,
            "notes": [*corpus.notes, *loaded.features.notes],
            **({"beside": _about_beside(loaded.beside)} if loaded.beside else {}),
        },
        **({"starts_with": [{"name": whisper.NAME, **whisper.ORIGIN}]} if configuration.start else {}),
        **({"teacher": configuration.teacher} if configuration.teacher else {}),
        "protocols": protocols,
        "protocol_notes": {**notes, "selection": configuration.selection},
        "calibration": {
            "temperature": model.temperature,
            "method": "geometric mean of the folds' temperatures, each fitted on validation speakers",
        },
        **({"prediction_sets": model.prediction_sets} if model.prediction_sets else {}),
        "shipped": {
            "trained_on": f"all {len(corpus.clips):,} clips with the settings that the folds chose",
            "epochs": model.epochs,
            "epochs_from": "the median of the folds' best epochs on validation speakers",
            "onnx_difference": model.onnx_difference,
        },
        "configuration": asdict(configuration),
        "libraries": card.library_versions(),
        "commit": card.commit(),
        "command": f"python -m training ship {configuration.name}",
    }
    card.write_json(made, folder / CARD_FILE)
    (folder / "README.md").write_text(card.readme(made), encoding="utf-8")
    title = f"{configuration.name}, speaker-independent: per cent of each true class"
    confusion_picture(protocols["speaker-independent"], corpus.labels, title, folder / "confusion.png")
    write_sums(folder)
    return made


def _about_beside(loaded: Loaded) -> dict[str, Any]:
    return {
        "corpus": loaded.corpus.name,
        **_BESIDE[loaded.corpus.name],
        "clips": len(loaded.corpus.clips),
        "speakers": len(set(loaded.speakers)),
        "notes": [*loaded.corpus.notes, *loaded.features.notes],
    }
