"""Hash-checked ONNX artefacts and the models made of them."""
