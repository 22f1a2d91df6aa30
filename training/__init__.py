"""Makes, evaluates and exports the models that the service runs."""
