"""Makes, evaluates and exports the models that the service runs."""

from pathlib import Path
from typing import Final

import service  # noqa: F401 - keeps ONNX Runtime from telling its maker of every session

ARTEFACTS: Final = Path(__file__).parents[1] / "onnx_models"
"""Where what is made goes, unless another folder is named."""

REPORTS: Final = Path(__file__).parent / "reports"
"""Where documents that commands write are kept."""
