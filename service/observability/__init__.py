"""What an operator sees of the service: log lines, metrics, traces. None tells what a call or a text is about."""
