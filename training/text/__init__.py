"""Fine-tunes a Hugging Face encoder for sentiment and exports it to ONNX; ``command`` is the entry."""
