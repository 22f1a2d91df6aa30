"""From the bytes of an upload to the arrays that the models read."""
