"""What keeps strangers out: API keys, outgoing addresses that are checked, callbacks that are signed."""
