"""The networks, as functional Keras models that end in logits."""
