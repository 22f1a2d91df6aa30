"""Voice to Value: the service that CRM systems post call audio and text to."""

import os

__version__ = "0.1.0"

# Before ONNX Runtime is imported: it would tell its maker of every session.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
