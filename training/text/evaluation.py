"""Evaluates a text artefact, read as the service reads it, and writes the results into its card.

Every figure is of the corpora's own test parts; the dev parts serve only to choose the probability from which a text
is given a label where it may have several, and the training parts only to say which label is the commonest.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from service.inference.artefacts import Artefact, ArtefactError
from service.inference.text import TextModel
from training.card import commit
from training.text.baselines import Vader
from training.text.card import write_card
from training.text.datasets import fingerprint, read_corpora
from training.text.neutral import of_calls, of_statements
from training.text.parts import corpus_parts

_LIBRARIES: Final = ("numpy", "onnxruntime", "tokenizers", "vaderSentiment")


def evaluate(folder: Path, data: Path, reference: Path | None = None, calls: tuple[Path, Path] | None = None) -> None:
    """Write :func:`results` into the card of the artefact in ``folder``, in place of what it held of them before.

    Raises:
        ArtefactError: an artefact cannot be used, or ``reference`` is another model.
        CorpusError: a corpus file is missing or malformed.
    """
    artefact = Artefact.load(folder)
    test = results(artefact, data, reference, calls)
    write_card(folder, {**artefact.card, "results": {**artefact.card.get("results", {}), "test": test}})


def results(
    artefact: Artefact, data: Path, reference: Path | None = None, calls: tuple[Path, Path] | None = None
) -> dict[str, Any]:
    """What the card says of the test parts; the same for the same files and code.

    Args:
        data: the folder of the corpora.
        reference: the folder of the same model in fp32.
        calls: the folder of some WAV files, and that of the Whisper model that hears them.
    """
    model = TextModel(artefact)
    models = {model.name: model}
    if reference is not None:
        models["fp32"] = _reference(reference, model)
    vader = Vader()
    corpora = read_corpora(data)
    neutral: dict[str, Any] = {"statements": of_statements(model, vader)}
    if calls is not None:
        neutral["calls"] = of_calls(model, vader, *calls)
    return {
        "parts": [
            {"corpus": corpus.name, "seen": corpus.name in artefact.card.get("seen", []), **part}
            for corpus in corpora
            for part in corpus_parts(corpus, models, vader)
        ],
        "neutral": neutral,
        "models": {name: used.sha256 for name, used in models.items()},
        "data_fingerprint": fingerprint(corpora),
        "commit": commit(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _reference(folder: Path, model: TextModel) -> TextModel:
    found = TextModel(Artefact.load(folder))
    if (found.name, found.version, found.heads) != (model.name, model.version, model.heads):
        raise ArtefactError(f"{folder} holds {found.name} {found.version}, not {model.name} {model.version} in fp32")
    return found
