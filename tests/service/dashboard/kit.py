"""Analyses for tests of what is made of them."""

import json
from copy import deepcopy
from typing import Any

from tests.system import ROOT

_EXAMPLE = json.loads((ROOT / "service" / "api" / "examples" / "get_analysis.json").read_text(encoding="utf-8"))


def analysis(**changes: Any) -> dict[str, Any]:
    """What the service answers for the sample call, words and all."""
    return deepcopy(_EXAMPLE) | changes
