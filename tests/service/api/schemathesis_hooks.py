"""What Schemathesis cannot make up: a recording."""

import schemathesis
from hypothesis import strategies as st

from tests.system import ROOT

CLIP = (ROOT / "tests/data/sample_call.wav").read_bytes()[:40_000]
schemathesis.openapi.media_type("audio/wav", st.just(CLIP) | st.binary(max_size=200))
